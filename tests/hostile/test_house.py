"""A hostile input is answered with a problem, ended or dropped; nobody else waits for it, and nothing grows by it."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

import httpx2
import pytest

from bench.local.conditions import wait_until
from core.schema.patient import EXAMPLE
from core.transport.queue import BULK, CALLBACKS, INTERACTIVE, NOTIFY, SCORE, SCORE_PARTS
from tests.hostile.bodies import FILES, HEADER, JSON, ROW
from tests.hostile.house import House, housed, say
from tests.hostile.messages import messages, strange_messages
from tests.hostile.requests import REQUESTS, Case, get, head

GROWTH_BYTES = 50_000_000
LARGE = "/static-offline-docs/swagger-ui-bundle.js"  # 1.5 MB
CASES = [*REQUESTS, *JSON, *FILES]
KINDS = ["request"] * len(REQUESTS) + ["body"] * len(JSON) + ["file"] * len(FILES)
IDS = [f"{kind}-{case.name}" for kind, case in zip(KINDS, CASES, strict=True)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service, warm."""
    with housed(tmp_path_factory.mktemp("house")) as house:
        assert house.still_scores()
        send_file(house)
        house.held_bytes = house.memory_bytes()
        yield house


def send_file(house: House) -> None:
    """Have a file scored."""
    url = f"{house.url}/v1/batches"
    batch = httpx2.post(url, content=HEADER + ROW * 50_000, headers={"Content-Type": "text/csv"}, timeout=30).json()
    wait_until(lambda: httpx2.get(f"{url}/{batch['id']}").json()["state"] == "succeeded", within_s=60, what="the file")


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_hostile_request_is_answered_with_what_is_wrong_with_it(house: House, case: Case) -> None:
    status, headers, body = say(house, case.sent)
    code = json.loads(body)["type"].rpartition(":")[2] if b"problem+json" in headers else ""
    assert (status, code) == (case.status, case.code)
    lines = headers.lower().split(b"\r\n")
    if status:
        assert b"x-content-type-options: nosniff" in lines
        assert b"cache-control: no-store" in lines
        assert any(line.startswith(b"content-security-policy: default-src 'none'") for line in lines)
        assert not any(line.startswith((b"server:", b"x-powered-by:", b"access-control-")) for line in lines)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET /x", "too-slow"),
        (head("GET / HTTP/1.1", "X: y")[:-2], "too-slow"),
        (head("POST /v1/jobs HTTP/1.1", "Content-Type: application/json", "Content-Length: 99") + b"{", "too-slow"),
        (head("POST / HTTP/1.1", "Content-Length: 99") + b"age=", "too-slow"),
        (head("POST /v1/batches HTTP/1.1", "Content-Type: text/csv", "Content-Length: 99") + HEADER, "upload-stalled"),
    ],
    ids=["request line", "headers", "submit", "form", "upload"],
)
def test_who_sends_a_byte_now_and_then_is_cut_off_and_holds_up_nobody(house: House, sent: bytes, code: str) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(house.door)) for _ in range(5)]
        for line in lines:
            line.sendall(sent)
            line.settimeout(0.2)
        got = [b""] * len(lines)

        def dripped() -> bool:
            for place, line in enumerate(lines):
                got[place] = got[place] or drip(line)
            return all(got)

        assert house.still_scores()
        wait_until(dripped, within_s=20, what="each to be cut off")
        assert {answer.split(b" ")[1] for answer in got} == {b"408"}
        assert all(code.encode() in answer for answer in got)


def drip(line: socket.socket) -> bytes:
    """Send one byte more, and return what was answered by then."""
    try:
        got = line.recv(65_536)
        while got and b"}" not in got:
            got += line.recv(65_536)
        return got or b"closed"
    except TimeoutError:
        line.sendall(b"x")
        return b""


def test_who_connects_and_says_nothing_is_hung_up_on(house: House) -> None:
    with socket.create_connection(house.door, timeout=20) as line:
        assert line.recv(1) == b""


def test_who_reads_nothing_is_cut_off(house: House) -> None:
    before = house.count("api", 'scoreline_refused_connections_total{reason="unread"}')
    with socket.create_connection(house.door) as line:
        line.sendall(head(f"GET {LARGE} HTTP/1.1") * 20)
        wait_until(
            lambda: house.count("api", 'scoreline_refused_connections_total{reason="unread"}') > before,
            within_s=20,
            what="it to be cut off",
        )
        assert house.still_scores()


def test_who_reads_slowly_but_reads_gets_all_of_it(house: House) -> None:
    whole = httpx2.get(house.url + LARGE).content
    with socket.create_connection(house.door, timeout=20) as line:
        line.sendall(get(LARGE))
        got = b"".join(iter(lambda: line.recv(8_192), b""))
    assert got.endswith(whole[-1_000:])


def test_one_connection_too_many_is_told_so_and_health_is_seen_all_the_same(house: House) -> None:
    with ExitStack() as stack:
        for _ in range(55):
            stack.enter_context(socket.create_connection(house.door)).sendall(b"GET / HT")
        status, headers, body = say(house, get("/v1/jobs"))
        assert (status, json.loads(body)["type"]) == (503, "urn:scoreline:problem:crowded")
        assert b"retry-after: 1" in headers
        assert say(house, get("/health/live"))[0] == 200
    wait_until(lambda: say(house, get("/v1/jobs"))[0] == 200, within_s=20, what="the crowd to go")


@pytest.mark.parametrize(
    ("queue", "room", "task"),
    [(INTERACTIVE, "run", SCORE), (BULK, "bulk", SCORE_PARTS), (CALLBACKS, "notify", NOTIFY)],
)
def test_messages_that_are_not_ours_are_dropped_and_counted(house: House, queue: str, room: str, task: str) -> None:
    metric = "scoreline_refused_messages_total"
    before, poison = house.count(room, metric), [message for _, message in messages(task)]
    strange = [message for _, message in strange_messages(task)]
    for key, message in chain(*(((queue, one), (f"{queue}\x06\x163", one)) for one in (*poison, *strange))):
        house.redis.lpush(key, message)
    wait_until(lambda: not house.redis.exists(queue, f"{queue}\x06\x163"), within_s=60, what="the queue to be emptied")
    wait_until(lambda: house.count(room, metric) >= before + 2 * len(poison), within_s=20, what="them to be counted")
    assert house.still_scores()
    send_file(house)


def test_no_time_to_come_makes_all_that_waits_look_lost(house: House) -> None:
    seconds, _ = house.redis.time()
    assert float(house.redis.get("sl:passed") or 0) < 1000 * (seconds + 1)


def test_after_all_of_it_everybody_lives_and_nothing_has_grown(house: House) -> None:
    assert house.still_scores()
    assert httpx2.get(f"{house.url}/v1/jobs", params={"limit": 1}).json()["data"]
    grown = house.memory_bytes() - house.held_bytes
    assert grown <= GROWTH_BYTES, f"{grown / 1e6:.0f} MB"
    assert httpx2.post(f"{house.url}/v1/jobs", json=EXAMPLE).status_code == 202
