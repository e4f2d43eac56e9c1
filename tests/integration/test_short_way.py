"""The short way of a submit: it answers what FastAPI's own way answers, and takes nothing but submits."""

import re
from collections.abc import Iterator

import httpx2
import pytest

from core.ledger.memory.ledger import MemoryLedger
from core.schema.patient import EXAMPLE
from core.settings import Settings
from tests.ledgers import Clock
from tests.listening import gateway_over

JSON = {"Content-Type": "application/json"}
THE_LONG_WAY = "?explain=false"  # as without, but there is a query to be read
OWN_WORDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z|\w{3}, \d\d \w{3} \d{4} [0-9:]+ GMT")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    """A client of a gateway whose jobs nobody scores."""
    ledger = MemoryLedger(Settings(), Clock())
    with (
        gateway_over(ledger) as (url, _),
        httpx2.Client(base_url=url, timeout=30, headers={"X-Request-ID": "either-way"}) as client,
    ):
        yield client


def seen(answer: httpx2.Response) -> tuple[int, dict[str, str], str]:
    """Return the answer without what is each job's own: its id, and what the clock said."""
    headers = {name: OWN_WORDS.sub("", value) for name, value in answer.headers.items()}
    return answer.status_code, headers, OWN_WORDS.sub("", answer.text)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, EXAMPLE),
        (JSON, {"patients": [EXAMPLE, EXAMPLE]}),
        (JSON, {"patients": [EXAMPLE] * 1_000}),
        (JSON, {"patients": []}),
        (JSON, {"patients": [EXAMPLE] * 10_001}),
        (JSON, {"patients": [EXAMPLE | {"age": 17}] * 1_000, "priority": "high"}),
        (JSON, EXAMPLE | {"age": 17, "sex": "none"}),
        (JSON, [EXAMPLE]),
        (JSON, {}),
        (JSON | {"Prefer": "wait=0"}, EXAMPLE),
        (JSON | {"Prefer": "respond-async"}, EXAMPLE),
        (JSON | {"Cancel-After": "90s"}, EXAMPLE),
        (JSON | {"Cancel-After": "soon"}, EXAMPLE),
        (JSON | {"Idempotency-Key": '""'}, EXAMPLE),
        ({"Content-Type": "text/plain"}, EXAMPLE),
    ],
)
def test_a_submit_is_answered_the_same_either_way(client: httpx2.Client, headers: dict[str, str], body: object) -> None:
    short, long = (client.build_request("POST", f"/v1/jobs{query}", json=body) for query in ("", THE_LONG_WAY))
    for request in (short, long):
        request.headers.update(headers)
    assert seen(client.send(short)) == seen(client.send(long))


@pytest.mark.parametrize("content", [b"", b"{", b"{} {}", b"\xff", b'{"age": NaN}', b"null", b"x" * 11_000_000])
def test_a_body_that_is_none_is_refused_the_same_either_way(client: httpx2.Client, content: bytes) -> None:
    short, long = (client.post(f"/v1/jobs{query}", content=content, headers=JSON) for query in ("", THE_LONG_WAY))
    assert short.status_code in (400, 413, 422)
    assert seen(short) == seen(long)


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/v1/jobs"), ("PUT", "/v1/jobs"), ("GET", "/api/prediction")])
def test_what_is_no_submit_is_not_taken_for_one(client: httpx2.Client, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 405
    assert client.post(f"{path}/", json=EXAMPLE, follow_redirects=False).status_code == 404


def test_a_key_counts_the_same_either_way(client: httpx2.Client) -> None:
    headers = {"Idempotency-Key": '"either-way"'}
    first, again = (client.post("/v1/jobs", json=EXAMPLE, headers=headers) for _ in range(2))
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    long = client.post(f"/v1/jobs{THE_LONG_WAY}", json=EXAMPLE, headers=headers)
    assert long.json()["type"] == "urn:scoreline:problem:idempotency-key-reused"
