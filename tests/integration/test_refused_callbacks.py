"""Callbacks that the gateway refuses, before anything is written down."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from bench.local.programs import gateway, valkey
from core.schema.patient import EXAMPLE
from tests.receiver import SECRET

PUBLIC = "https://93.184.216.34/told"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of a gateway that signs callbacks and has them go to public addresses only."""
    folder = tmp_path_factory.mktemp("gateway")
    with (
        valkey(folder / "valkey") as redis_url,
        gateway(folder, SCORELINE_REDIS_URL=redis_url, SCORELINE_CALLBACK_SECRET=SECRET) as url,
        httpx2.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def submit(client: httpx2.Client, callback: str, **headers: str) -> httpx2.Response:
    """Submit a patient whose job is told of there."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/v1/jobs", params={"callback_url": callback}, json=EXAMPLE, headers=named)


def reason(answer: httpx2.Response) -> str:
    """Check that the callback was refused, and return the reason given."""
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:scoreline:problem:refused-callback"), answer.text
    return str(answer.json()["detail"])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:6380",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104 - nothing listens there
        "[::ffff:127.0.0.1]",
        "[::]",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "0177.0.0.1",
        "0",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fd00::1]",
        "[fe80::1]",
        "①②⑦.0.0.1",
    ],
)
def test_a_host_that_is_not_public_is_refused(client: httpx2.Client, host: str) -> None:
    assert "SCORELINE_CALLBACK_PRIVATE" in reason(submit(client, f"http://{host}/told"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "told",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "file:///etc/passwd",
        "ftp://93.184.216.34/",
        "http://",
        "https://user:word@93.184.216.34/",
    ],
)
def test_what_is_no_url_to_call_is_refused(client: httpx2.Client, url: str) -> None:
    detail = reason(submit(client, url))
    assert "absolute http or https URL" in detail
    assert "word" not in detail.replace("password", "")


def test_nothing_of_a_refused_submit_is_written_down(client: httpx2.Client) -> None:
    before = client.get("/v1/jobs").json()
    submit(client, "http://127.0.0.1/", Idempotency_Key="of-a-refused-submit")
    assert client.get("/v1/jobs").json() == before
    answer = submit(client, PUBLIC, Idempotency_Key="of-a-refused-submit")
    assert (answer.status_code, "idempotent-replayed" in answer.headers) == (202, False)


def test_the_callback_is_part_of_what_a_key_stands_for(client: httpx2.Client) -> None:
    first = submit(client, PUBLIC, Idempotency_Key="k")
    again = submit(client, PUBLIC, Idempotency_Key="k")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    other = submit(client, PUBLIC + "/elsewhere", Idempotency_Key="k")
    assert other.json()["type"] == "urn:scoreline:problem:idempotency-key-reused"
    assert client.post("/v1/jobs", json=EXAMPLE, headers={"Idempotency-Key": "k"}).status_code == 422


def test_a_job_does_not_show_its_callback(client: httpx2.Client) -> None:
    answer = submit(client, PUBLIC + "?token=t")
    assert "token" not in answer.text + client.get(answer.headers["location"]).text


def test_without_a_secret_a_callback_is_refused_and_a_submit_without_one_is_not(tmp_path: Path) -> None:
    with (
        valkey(tmp_path / "valkey") as redis_url,
        gateway(tmp_path, SCORELINE_REDIS_URL=redis_url) as url,
        httpx2.Client(base_url=url) as client,
    ):
        assert "SCORELINE_CALLBACK_SECRET" in reason(submit(client, PUBLIC))
        assert client.post("/v1/jobs", json=EXAMPLE).status_code == 202
