"""Request ids and trace contexts, as a gateway takes and gives them."""

import logging
import socket
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import httpx2
import pytest
from typing_extensions import override

from core.ledger.job import Job, State
from core.ledger.key import ANYONE, Caller
from core.ledger.memory.ledger import MemoryLedger
from core.ledger.protocol import Page
from core.schema.patient import EXAMPLE
from core.settings import Settings
from monitoring.log import JsonLines
from tests.ledgers import Clock
from tests.listening import gateway_over

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Surprising(MemoryLedger):
    """A ledger whose lists fail in a way that no one foresaw."""

    @override
    def page(self, *, state: State | None, limit: int, after: str | None, by: Caller = ANYONE) -> Page[Job]:
        raise ValueError


class Door(NamedTuple):
    """A gateway whose jobs nobody scores, and its ledger."""

    client: httpx2.Client
    ledger: MemoryLedger

    def trace_of(self, *traceparents: str, query: str = "") -> str | None:
        """Submit with these headers, and return what is kept with the job."""
        headers = [("traceparent", value) for value in traceparents]
        id = self.client.post(f"/v1/jobs{query}", json=EXAMPLE, headers=headers).json()["id"]
        return self.ledger._jobs[id].trace


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    """A gateway."""
    ledger = Surprising(Settings(), Clock())
    with gateway_over(ledger) as (url, _), httpx2.Client(base_url=url, timeout=30) as client:
        yield Door(client, ledger)


def is_made(request_id: str) -> bool:
    """Whether the gateway made this id: the number of the request in a process that has an id of its own."""
    process, _, number = request_id.partition(".")
    return UUID(process).version == 7 and int(number) > 0


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs?explain=true", "/health/live", "/nowhere"])
def test_every_answer_carries_the_request_id_of_its_client_or_a_new_one(door: Door, path: str) -> None:
    given = door.client.post(path, headers={"X-Request-ID": "mine.1~A/b=c@d:e+f"})
    assert given.headers["x-request-id"] == "mine.1~A/b=c@d:e+f"
    made = [door.client.post(path).headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    assert all(map(is_made, made))


@pytest.mark.parametrize("insane", ["", " ", "a b", "x" * 129, "caf\xe9", "a\tb", 'a"b', "<b>", "a\x1b[2K", "a\x85b"])
def test_a_request_id_that_is_not_sane_is_not_taken(door: Door, insane: str) -> None:
    raw = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-ID: %b\r\n\r\n"
    with socket.create_connection((door.client.base_url.host, door.client.base_url.port or 0)) as line:
        line.sendall(raw % insane.encode("latin-1"))
        answer = b"".join(iter(lambda: line.recv(65_536), b"")).decode("latin-1").lower()
    assert insane not in ("", " ") or "x-request-id: \r" not in answer
    if " 200 ok" in answer:  # the server itself refuses what no header may hold
        assert is_made(answer.partition("x-request-id: ")[2].partition("\r")[0])
    else:
        assert " 400 bad request" in answer


def test_a_problem_names_the_request(door: Door) -> None:
    for path in ("/v1/jobs", "/v1/jobs?explain=true", "/nowhere"):
        answer = door.client.post(path, content=b"{", headers={"X-Request-ID": "mine", "Content-Type": "a/b"})
        assert answer.json()["instance"] == "urn:scoreline:request:mine"


def test_a_traceparent_is_kept_with_the_job_whichever_way_it_came(door: Door) -> None:
    for query in ("", "?explain=true"):
        assert door.trace_of(TRACEPARENT, query=query) == TRACEPARENT
        assert door.trace_of(query=query) is None
        assert door.trace_of(TRACEPARENT.upper(), query=query) is None
        assert door.trace_of(TRACEPARENT, TRACEPARENT, query=query) is None


def test_a_line_that_a_request_causes_has_its_id_and_no_path_forges_another(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(JsonLines())
    with caplog.at_level(logging.INFO):
        headers = {"X-Request-ID": "mine", "traceparent": TRACEPARENT}
        assert door.client.get("/v1/jobs", headers=headers).status_code == 500
        door.client.get("/v1/jobs%0aforged%1b")
    [line] = [line for line in caplog.text.splitlines() if "api.http.errors" in line]
    assert '"request_id": "mine", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"' in line
    assert '"GET /v1/jobs failed: ' in line
