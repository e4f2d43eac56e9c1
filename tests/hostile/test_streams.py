"""One connection takes no memory and no time from others, whatever it sends; what came whole is answered before."""

import gzip
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.local.conditions import wait_until
from bench.local.programs import free_port, responds, running, valkey
from core.schema.patient import COLUMNS
from tests.hostile.bodies import HEADER, ROW
from tests.hostile.gauge import Gauge, pour
from tests.hostile.house import SHORT
from tests.hostile.requests import ALIVE, BODY, LENGTH, get, head, post
from tests.hostile.streams import BEGUN, LARGEST, SENT_BYTES, STREAMS, WAITING, Stream

BEYOND_BYTES = 5_000_000  # what one connection may add to what the largest valid submit costs
LONGEST_WAIT_S = 1.0  # for /health/live: ten times the goal, since other tests may run beside this one
FILE = post("/v1/batches", HEADER + ROW * (SENT_BYTES // len(ROW)), type="text/csv")
SUBMIT = head("POST /v1/jobs HTTP/1.1", "Content-Type: application/json", LENGTH) + BODY
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z]")


class Lone(NamedTuple):
    """A gateway without workers: its port, its process, its log, and what it held at most after valid submits."""

    port: int
    pid: int
    log: Path
    held_bytes: int


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lone]:
    """The gateway, after the largest valid submit, thrice, and a file of the same 20 MB that others send."""
    folder, port = tmp_path_factory.mktemp("lone"), free_port()
    variables = SHORT | {"SCORELINE_STORE": f"file://{folder}/store", "SCORELINE_VAR": str(folder / "var")}
    with ExitStack() as stack:
        variables |= {"SCORELINE_REDIS_URL": stack.enter_context(valkey(folder / "valkey"))}
        log = folder / "api.log"
        gateway = stack.enter_context(running("api", log=log, SCORELINE_API_PORT=str(port), **variables))
        wait_until(lambda: responds(f"http://127.0.0.1:{port}/health/live"), within_s=30, what="the gateway")
        gauge = Gauge(port, gateway.pid)
        with gauge.looking():
            for sent in (LARGEST, LARGEST, LARGEST, FILE):
                assert statuses(pour(port, [sent])) == [202]
        yield Lone(port, gateway.pid, log, gauge.most_bytes)


def statuses(answers: bytes) -> list[int]:
    """Return the status of each answer."""
    return [int(status) for status in STATUS.findall(answers)]


@pytest.mark.parametrize("stream", STREAMS, ids=[stream.name for stream in STREAMS])
def test_what_has_no_end_takes_no_memory_and_holds_up_nobody(lone: Lone, stream: Stream) -> None:
    rest, gauge = (Gauge(lone.port, lone.pid) for _ in range(2))
    with rest.looking():
        pass  # what earlier streams left is not this one's; all of them together are weighed in `test_house`
    with gauge.looking():
        pour(lone.port, stream.pieces())
    beyond = gauge.most_bytes - max(lone.held_bytes, rest.most_bytes)
    assert beyond <= BEYOND_BYTES, f"{beyond / 1e6:.1f} MB"
    assert max(gauge.waits_s, default=0) <= LONGEST_WAIT_S


@pytest.mark.parametrize("name", ["empty members", "members of a byte within a cell", "blanks behind a boundary"])
def test_another_file_is_taken_while_one_comes_that_is_hard_to_read(lone: Lone, name: str) -> None:
    stream = next(stream for stream in STREAMS if stream.name == name)
    small, waits_s = post("/v1/batches", HEADER + ROW, type="text/csv"), list[float]()
    with ThreadPoolExecutor(1) as thread:
        hard = thread.submit(pour, lone.port, islice(stream.pieces(), 64))
        while not hard.done():
            begun_s = time.monotonic()
            assert statuses(pour(lone.port, [small])) == [202]
            waits_s.append(time.monotonic() - begun_s)
    assert max(waits_s) <= 2 * LONGEST_WAIT_S


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (SUBMIT + b"\x16\x03\x01\x02\x00\x01", [202, 400]),
        (SUBMIT + SUBMIT + b"garbage\r\n\r\n", [202, 202, 400]),
        (WAITING + b"garbage\r\n\r\n", [202, 400]),
        (SUBMIT + head("GET / HTTP/1.1", "X: " + "x" * 40_000), [202, 431]),
        (SUBMIT + head("GET ftp://localhost/ HTTP/1.1"), [202, 400]),
        (WAITING + BEGUN + b"zz\r\n", [202, 400]),
        (BEGUN + b"zz\r\n", [400]),
    ],
    ids=["TLS", "words", "while it waits", "a head", "a target", "a chunk", "nothing before"],
)
def test_what_came_whole_is_answered_before_what_is_wrong_behind_it(
    lone: Lone, sent: bytes, expected: list[int]
) -> None:
    told = lone.log.stat().st_size
    assert statuses(pour(lone.port, [sent])) == expected
    said = lone.log.read_text()[told:]
    assert " ERROR " not in said
    assert "Traceback" not in said


def test_a_refusal_behind_a_request_is_not_called_by_its_name(lone: Lone) -> None:
    answers = pour(lone.port, [SUBMIT.replace(b"\r\nHost", b"\r\nX-Request-ID: mine\r\nHost") + b"garbage\r\n\r\n"])
    assert b"x-request-id: mine" in answers
    assert b"urn:scoreline:request:mine" not in answers


def test_who_expects_to_be_told_to_go_on_is(lone: Lone) -> None:
    begun = head("POST /v1/jobs HTTP/1.1", "Connection: close", "Content-Type: application/json", LENGTH)
    with socket.create_connection(("127.0.0.1", lone.port), timeout=20) as line:
        line.sendall(begun[:-2] + b"Expect: 100-Continue\r\n\r\n")
        assert line.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(BODY)
        assert line.recv(1_000).startswith(b"HTTP/1.1 202 ")


def test_a_coding_that_is_not_taken_is_answered_with_what_is(lone: Lone) -> None:
    for path, type in (("/v1/jobs", "application/json"), ("/v1/batches", "text/csv")):
        answer = pour(lone.port, [post(path, BODY, "Content-Encoding: br", type=type)])
        assert (statuses(answer), b"\r\naccept-encoding: gzip\r\n" in answer) == ([415], True)


def test_a_job_is_the_same_packed_or_not(lone: Lone) -> None:
    key = "Idempotency-Key: packed"
    plain = pour(lone.port, [post("/v1/jobs", BODY, key)])
    packed = pour(lone.port, [post("/v1/jobs", gzip.compress(BODY), key, "Content-Encoding: gzip")])
    assert b"idempotent-replayed: true" in packed
    first, second = (json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in (plain, packed))
    assert first["id"] == second["id"]


def test_a_form_of_a_page_may_be_packed(lone: Lone) -> None:
    form = "&".join(f"{name}=none" for name in COLUMNS).encode()
    type = "application/x-www-form-urlencoded"
    answers = [
        pour(lone.port, [post("/", sent, *headers, type=type)])
        for sent, headers in ((form, ()), (gzip.compress(form), ("Content-Encoding: gzip",)))
    ]
    assert [statuses(answer) for answer in answers] == [[422], [422]]
    assert answers[0].count(b'value="none"') == answers[1].count(b'value="none"') > 0


@pytest.mark.parametrize("escaped", ['"' + "\\1" * 15_000 + '"', '"' + '\\"' * 15_000 + '"'])
def test_another_sites_cookie_holds_up_nobody(lone: Lone, escaped: str) -> None:
    gauge = Gauge(lone.port, lone.pid)
    with gauge.looking():
        for path in ("/v1/jobs", "/", ALIVE):
            assert statuses(pour(lone.port, [get(path, f"Cookie: other={escaped}; its=own")])) == [200]
    assert max(gauge.waits_s, default=0) <= LONGEST_WAIT_S / 2
