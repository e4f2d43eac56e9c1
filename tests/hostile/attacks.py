"""What one connection may do to a gateway: send without an end, or leave unread what it asked for."""

import gzip
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.hostile.bodies import FORM, HEADER, ROW
from tests.hostile.requests import BODY

SENT_BYTES = 20_000_000  # that an attack sends at most
PIECE_BYTES = 65_536
STALLED_S = 2.0  # without a byte taken, an attack ends
UNREAD_S = 4.0  # that an answer is left unread


@dataclass(frozen=True, slots=True)
class Prepared:
    """What there is to ask for: the door, a header that shows a key, and ids of a large job and of a large file."""

    door: tuple[str, int]
    login: str
    job: str
    batch: str


@dataclass(frozen=True, slots=True)
class Attack:
    """One connection's doing, by its name."""

    name: str
    carry_out: Callable[[Prepared], None]


def head(prepared: Prepared, line: str, *headers: str, login: bool = True) -> bytes:
    """Return a request line and headers, of one who shows the key or none."""
    shown = [prepared.login] if login else []
    return "\r\n".join([line, "Host: localhost", *shown, *headers, "", ""]).encode()


def send_on(name: str, start: Callable[[Prepared], bytes], piece: bytes) -> Attack:
    """Return the attack that sends a start, and then the piece again and again until it is hung up on or done."""

    def carry_out(prepared: Prepared) -> None:
        with socket.create_connection(prepared.door, timeout=STALLED_S) as line, suppress(OSError):
            line.sendall(start(prepared))
            block = piece * max(1, PIECE_BYTES // len(piece))
            for _ in range(SENT_BYTES // len(block)):
                line.sendall(block)
            line.recv(1)

    return Attack(name, carry_out)


def leave_unread(name: str, ask: Callable[[Prepared], bytes]) -> Attack:
    """Return the attack that asks, and reads nothing of what is answered."""

    def carry_out(prepared: Prepared) -> None:
        with socket.socket() as line, suppress(OSError):
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            line.settimeout(STALLED_S)
            line.connect(prepared.door)
            line.sendall(ask(prepared))
            time.sleep(UNREAD_S)

    return Attack(name, carry_out)


def get(path: str, times: int) -> Callable[[Prepared], bytes]:
    """Return what asks so many times for a path, in which `{job}` and `{batch}` stand for what is prepared."""
    return lambda prepared: (
        head(prepared, f"GET {path.format(job=prepared.job, batch=prepared.batch)} HTTP/1.1") * times
    )


def chunked(path: str, type: str, *, login: bool = True, begun: bytes = b"") -> Callable[[Prepared], bytes]:
    """Return what begins a body in chunks."""
    framing = (f"Content-Type: {type}", "Transfer-Encoding: chunked")
    return lambda prepared: head(prepared, f"POST {path} HTTP/1.1", *framing, login=login) + begun


def long_body(path: str, type: str, *headers: str, begun: bytes = b"") -> Callable[[Prepared], bytes]:
    """Return what begins a body of a gigabyte."""
    framing = (f"Content-Type: {type}", "Content-Length: 1000000000", *headers)
    return lambda prepared: head(prepared, f"POST {path} HTTP/1.1", *framing) + begun


JOB, FILE, FIELDS = ("/v1/jobs", "application/json"), ("/v1/batches", "text/csv"), "application/x-www-form-urlencoded"
CHUNK = b"%x\r\n%b\r\n" % (len(BODY), BODY)
LAST = CHUNK + b"0\r\n"
GZIP = "Content-Encoding: gzip"
EMPTY = gzip.compress(b"")
ATTACHED = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'

SENT = [
    send_on("trailers, without a key", chunked(*JOB, login=False, begun=LAST), b"a:\r\n"),
    send_on("trailers", chunked(*JOB, begun=LAST), b"a:\r\n"),
    send_on("trailers to /enter", chunked("/enter", FIELDS, login=False, begun=b"3\r\na=b\r\n0\r\n"), b"a:\r\n"),
    send_on("one trailer", chunked(*JOB, begun=CHUNK + b"0\r\na: "), b"b" * 1_000),
    send_on("an extension of a chunk", chunked(*JOB, begun=b"1;a="), b"b" * 1_000),
    send_on("extensions of chunks", chunked(*JOB), b"1;a=b\r\n \r\n"),
    send_on("chunks of a byte", chunked(*JOB), b"1\r\n \r\n"),
    send_on("chunks of a byte of a file", chunked(*FILE), b"1\r\n,\r\n"),
    send_on("chunks of a short line of a file", chunked(*FILE), b"b\r\n" + b"1,2,3,4,5\r\n" + b"\r\n"),
    send_on("a target", lambda _: b"GET /", b"x" * 1_000),
    send_on("a header", lambda _: b"GET / HTTP/1.1\r\nX: ", b"x" * 1_000),
    send_on("headers", lambda _: b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
    send_on("a body that is too large", long_body(*JOB), b" "),
    send_on("a body for nobody", long_body("/nowhere", "application/json"), b" "),
    send_on("garbage after a request", get("/health/live", 1), b"\x16\x03\x01\x02"),
    send_on(
        "requests, without waiting for answers", get("/health/live", 1), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ),
    send_on("empty gzip members", long_body(*FILE, GZIP), EMPTY),
    send_on("empty gzip blocks", long_body(*FILE, GZIP, begun=EMPTY[:10]), b"\0\0\0\xff\xff"),
    send_on("a header row", long_body(*FILE), b","),
    send_on("a cell", long_body(*FILE, begun=HEADER + b'"'), b'""'),
    send_on("blank lines", long_body(*FILE, begun=HEADER), b"\n"),
    send_on("rows that are none", long_body(*FILE, begun=HEADER), b"x\n"),
    send_on("rows", long_body(*FILE, begun=HEADER), ROW),
    send_on("lines that are no JSON", long_body("/v1/batches", "application/x-ndjson"), b"[\n"),
    send_on("a preamble of a form", long_body("/v1/batches", FORM), b"x" * 1_000),
    send_on("headers in a form", long_body("/v1/batches", FORM, begun=ATTACHED), b"X: y\r\n"),
    send_on(
        "parts of a form",
        long_body("/v1/batches", FORM),
        b'--x\r\nContent-Disposition: form-data; name="k"\r\n\r\n\r\n',
    ),
]
"""What has no end."""

UNREAD = [
    leave_unread("answers of 4.4 MB", get("/v1/jobs/{job}", 60)),
    leave_unread("events of a job of 4.4 MB", get("/v1/jobs/{job}/events", 20)),
    leave_unread("pages of jobs", get("/v1/jobs?limit=1000", 60)),
    leave_unread("results of a file", get("/v1/batches/{batch}/results", 20)),
    leave_unread("results of a file as Parquet", get("/v1/batches/{batch}/results?format=parquet", 20)),
    leave_unread("the OpenAPI document", get("/openapi.json", 60)),
    leave_unread("metrics", get("/metrics", 60)),
    leave_unread("a script of the pages", get("/static-offline-docs/swagger-ui-bundle.js", 60)),
]
"""What is asked for many times on one connection, and never read."""

ATTACKS = [*SENT, *UNREAD]
