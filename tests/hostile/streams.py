"""What one connection may send without an end: 20 MB of each, or as much as is taken."""

import gzip
import json
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import NamedTuple

from core.schema.patient import EXAMPLE
from tests.hostile.bodies import FORM, HEADER, PACKED, ROW, attached
from tests.hostile.requests import ALIVE, BODY, LENGTH, head, post

SENT_BYTES = 20_000_000
LARGEST = post("/v1/jobs", json.dumps({"patients": [EXAMPLE] * 10_000}).encode().ljust(4_000_000))
"""The largest valid submit, beside which what others take is measured."""

BEGUN = head("POST /v1/jobs HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked")
CHUNK = b"%x\r\n%b\r\n" % (len(BODY), BODY)
WAITING = head("POST /v1/jobs HTTP/1.1", "Content-Type: application/json", "Prefer: wait=3", LENGTH) + BODY


class Stream(NamedTuple):
    """What is sent first, and then again and again."""

    name: str
    first: bytes
    more: bytes

    def pieces(self) -> Iterator[bytes]:
        """Yield all that is sent, some 64 KB at a time."""
        times = 1 + 65_536 // len(self.more)
        yield from islice(chain([self.first], repeat(self.more * times)), 1 + SENT_BYTES // (times * len(self.more)))


def upload(begin: bytes, more: bytes, name: str, type: str = "text/csv", *headers: str) -> Stream:
    """Return an upload without an end."""
    framing = ("Content-Length: 1000000000", f"Content-Type: {type}", *headers)
    return Stream(name, head("POST /v1/batches HTTP/1.1", *framing) + begin, more)


OPEN_CELL = gzip.compress(HEADER + ROW + b'"' + b"x," * 400_000)

STREAMS = (
    Stream("trailers", BEGUN + CHUNK + b"0\r\n", b"a:\r\n"),
    Stream("trailers with names and values", BEGUN + CHUNK + b"0\r\n", b"Authorization: Bearer x\r\n"),
    Stream("trailers of what is answered already", BEGUN + b"zz" + CHUNK + b"0\r\n", b"a:\r\n"),
    Stream("trailers of what is not found", BEGUN.replace(b"/v1/jobs", b"/x") + CHUNK + b"0\r\n", b"a:\r\n"),
    Stream("one trailer", BEGUN + CHUNK + b"0\r\na: ", b"b" * 1_000),
    Stream("one name of a trailer", BEGUN + CHUNK + b"0\r\n", b"a" * 1_000),
    Stream("an extension of a chunk", BEGUN + b"1;a=", b"b" * 1_000),
    Stream("extensions of chunks", BEGUN, b"1;a=%b\r\n \r\n" % (b"b" * 1_000)),
    Stream("chunks of a byte", BEGUN, b"1\r\n \r\n"),
    Stream("a head", head("GET / HTTP/1.1")[:-2] + b"X: ", b"x" * 1_000),
    Stream("headers", head("GET / HTTP/1.1")[:-2], b"X: y\r\n"),
    Stream("a target", b"GET /", b"x" * 1_000),
    Stream("a body for nobody", BEGUN.replace(b"/v1/jobs", b"/x"), b"400\r\n%b\r\n" % (b"x" * 1_024)),
    Stream("garbage behind a request", WAITING, b"\x16\x03\x01\x02"),
    Stream("requests behind a request", WAITING, head(f"GET {ALIVE} HTTP/1.1")),
    Stream(
        "submits behind a request", WAITING, post("/v1/jobs", b" " * 100_000).replace(b"Connection: close\r\n", b"")
    ),
    Stream("a head behind a request", WAITING + head("GET / HTTP/1.1")[:-2] + b"X: ", b"x" * 1_000),
    Stream("chunks behind a request", WAITING + BEGUN, b"400\r\n%b\r\n" % (b" " * 1_024)),
    Stream("trailers behind a request", WAITING + BEGUN + CHUNK + b"0\r\n", b"a:\r\n"),
    upload(b"", gzip.compress(b""), "empty members", "text/csv", PACKED),
    upload(OPEN_CELL, gzip.compress(b"1"), "members of a byte within a cell", "text/csv", PACKED),
    upload(gzip.compress(HEADER), b"\0" * 1_000, "zeros between members", "text/csv", PACKED),
    upload(gzip.compress(b"")[:10], b"\0\0\0\xff\xff", "empty blocks", "text/csv", PACKED),
    upload(b"\x1f\x8b\x08\x08" + b"\0" * 6, b"n" * 1_000, "a name of a gzip", "text/csv", PACKED),
    upload(attached("p.csv", HEADER)[:-7] + b"\r\n--x", b" " * 1_000, "blanks behind a boundary", FORM),
    upload(attached("p.csv", HEADER), b"x" * 1_000, "what is behind a form", FORM),
    upload(attached("p.csv", HEADER)[:-7], b"\r\n--xy", "what is nearly a boundary", FORM),
    upload(HEADER + b'"', b'""', "a cell"),
    upload(b"", b",", "a header row"),
)
