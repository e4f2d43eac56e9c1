"""Requests as they go over the wire, each with its answer: the status, and the code of the problem or nothing."""

import json
from typing import NamedTuple

from core.schema.patient import EXAMPLE

BODY = json.dumps(EXAMPLE).encode()


class Case(NamedTuple):
    """One request, and what comes of it."""

    name: str
    sent: bytes
    status: int
    code: str = ""


def head(line: str, *headers: str, host: str = "localhost") -> bytes:
    """Return a request line and headers, `Host` among them, and the empty line."""
    named = [f"Host: {host}"] if host else []
    return "\r\n".join([line, *named, *headers, "", ""]).encode("latin-1")


def get(path: str, *headers: str, host: str = "localhost") -> bytes:
    """Return a GET, after whose answer the connection is closed."""
    return head(f"GET {path} HTTP/1.1", "Connection: close", *headers, host=host)


def whole(origin: str, host: str = "localhost", end: str = "") -> bytes:
    """Return a GET of a whole address, as a proxy is sent it."""
    return head(f"GET {origin}/v1/jobs{end} HTTP/1.1", "Connection: close", host=host)


def post(path: str, body: bytes, *headers: str, type: str = "application/json") -> bytes:
    """Return a POST, after whose answer the connection is closed."""
    length = f"Content-Length: {len(body)}"
    return head(f"POST {path} HTTP/1.1", "Connection: close", f"Content-Type: {type}", length, *headers) + body


def submit_with(*framing: str, body: bytes = BODY) -> bytes:
    """Return a submit that says of its own how long its body is."""
    return head("POST /v1/jobs HTTP/1.1", "Connection: close", "Content-Type: application/json", *framing) + body


CHUNKS = "Transfer-Encoding: chunked"
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
LENGTH = f"Content-Length: {len(BODY)}"
ALIVE = "/health/live"

NOT_HTTP = (
    Case("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "not-http"),
    Case("words", b"please\r\n\r\n", 400, "not-http"),
    Case("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "not-http"),
    Case("a method that there is not", head("STEAL / HTTP/1.1"), 400, "not-http"),
    Case("a way through", head("CONNECT localhost:22 HTTP/1.1"), 400, "not-http"),
    Case("a header without a colon", head("GET / HTTP/1.1", "no colon"), 400, "not-http"),
    Case("a blank before the colon", head("GET / HTTP/1.1", "X : y"), 400, "not-http"),
    Case("a NUL in a header", head("GET / HTTP/1.1", "X: a\0b"), 400, "not-http"),
    Case("a carriage return in a header", head("GET / HTTP/1.1", "X: a\rX-Y: b"), 400, "not-http"),
    Case("a folded header", head("GET / HTTP/1.1", "X: a\r\n b"), 400, "not-http"),
    Case("bare line feeds", get(ALIVE).replace(b"\r\n", b"\n"), 400, "not-http"),
    Case("a blank in the path", head("GET /a b HTTP/1.1"), 400, "not-http"),
    Case("a byte beyond ASCII in the path", head("GET /\xe9 HTTP/1.1"), 400, "not-http"),
    Case("a control character in the path", head("GET /\x01 HTTP/1.1"), 400, "not-http"),
    Case("too many requests at once, of which the first is answered", head(f"GET {ALIVE} HTTP/1.1") * 70, 200),
    Case("HTTP/2.0", head(f"GET {ALIVE} HTTP/2.0"), 505, "unknown-version"),
    Case("HTTP/2.0 in a submit", post("/v1/jobs", BODY).replace(b"HTTP/1.1", b"HTTP/2.0"), 505, "unknown-version"),
    Case("HTTP/0.9", head(f"GET {ALIVE} HTTP/0.9"), 505, "unknown-version"),
    Case("HTTP/1.2", head(f"GET {ALIVE} HTTP/1.2"), 400, "not-http"),
)

SMUGGLED = (
    Case("a length and chunks", submit_with(LENGTH, "Transfer-Encoding: chunked", body=CHUNKED), 400, "not-http"),
    Case("chunks and a length", submit_with("Transfer-Encoding: chunked", LENGTH, body=CHUNKED), 400, "not-http"),
    Case("two lengths", submit_with(LENGTH, "Content-Length: 5"), 400, "not-http"),
    Case("the same length twice", submit_with(LENGTH, LENGTH), 400, "not-http"),
    Case("a list of lengths", submit_with(f"{LENGTH}, {len(BODY)}"), 400, "not-http"),
    Case("a length with a sign", submit_with(f"Content-Length: +{len(BODY)}"), 400, "not-http"),
    Case("a length below zero", submit_with("Content-Length: -1"), 400, "not-http"),
    Case("a length in hexadecimal", submit_with("Content-Length: 0x10"), 400, "not-http"),
    Case("a length beyond all", submit_with(f"Content-Length: {10**30}"), 400, "not-http"),
    Case("chunks of two kinds", submit_with("Transfer-Encoding: xchunked", body=CHUNKED), 400, "not-http"),
    Case(
        "chunked and then identity", submit_with("Transfer-Encoding: chunked, identity", body=CHUNKED), 400, "not-http"
    ),
    Case("a chunk whose size is none", submit_with("Transfer-Encoding: chunked", body=b"zz\r\n"), 400, "not-http"),
    Case(
        "a chunk of more than it says", submit_with("Transfer-Encoding: chunked", body=b"1\r\nxyz\r\n"), 400, "not-http"
    ),
    Case("a chunk beyond all", submit_with("Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n"), 400, "not-http"),
    Case(
        "chunks with bare line feeds", submit_with("Transfer-Encoding: chunked", body=b"1\n{\n0\n\n"), 400, "not-http"
    ),
    Case("chunks", submit_with("Transfer-Encoding: chunked", body=CHUNKED), 202),
)

UNTYPED = head("POST /v1/jobs HTTP/1.1", "Connection: close", "Transfer-Encoding: chunked")
TYPE = b"Content-Type: application/json\r\n"
LAST = b"0\r\n"

FRAMED = (
    Case("a trailer that is no header", UNTYPED + CHUNKED[:-2] + TYPE + b"\r\n", 415, "unsupported-media-type"),
    Case("a trailer", submit_with(CHUNKS, body=CHUNKED[:-2] + b"Sec-Fetch-Site: cross-site\r\n\r\n"), 202),
    Case("a trailer twice", submit_with(CHUNKS, body=CHUNKED[:-2] + TYPE * 2 + b"\r\n"), 202),
    Case("many trailers", submit_with(CHUNKS, body=CHUNKED[:-2] + b"a:\r\n" * 10_000), 431, "head-too-large"),
    Case("a long trailer", submit_with(CHUNKS, body=CHUNKED[:-2] + b"a: " + b"b" * 40_000), 431, "head-too-large"),
    Case("a folded trailer", submit_with(CHUNKS, body=CHUNKED[:-2] + b"a: b\r\n c\r\n\r\n"), 400, "not-http"),
    Case(
        "a long extension of a chunk",
        submit_with(CHUNKS, body=CHUNKED.replace(b"\r\n", b";a=" + b"b" * 200_000 + b"\r\n", 1)),
        431,
        "head-too-large",
    ),
    Case(
        "many extensions of chunks",
        submit_with(CHUNKS, body=b"".join(b"1;a=%b\r\n%c\r\n" % (b"b" * 400, byte) for byte in BODY) + LAST + b"\r\n"),
        431,
        "head-too-large",
    ),
    Case("an extension of a chunk", submit_with(CHUNKS, body=CHUNKED.replace(b"\r\n", b";a=b\r\n", 1)), 202),
    Case(
        "chunks of a byte",
        submit_with(CHUNKS, body=b"".join(b"0001\r\n%c\r\n" % byte for byte in BODY.ljust(20_000)) + LAST + b"\r\n"),
        202,
    ),
)

HEADS = (
    Case("no host", get(ALIVE, host=""), 400, "bad-header"),
    Case("two hosts", get(ALIVE, "Host: localhost"), 400, "bad-header"),
    Case("another's host", get(ALIVE, host="evil.example"), 421, "unknown-host"),
    Case("another's host, and our port", get(ALIVE, host="evil.example:8001"), 421, "unknown-host"),
    Case("a host that begins as ours", get(ALIVE, host="localhost.evil.example"), 421, "unknown-host"),
    Case("a host that looks like an address", get(ALIVE, host="127.0.0.1.evil.example"), 421, "unknown-host"),
    Case("a host with a user", get(ALIVE, host="localhost@evil.example"), 421, "unknown-host"),
    Case("a host with a port that is none", get(ALIVE, host="localhost:evil"), 421, "unknown-host"),
    Case("an empty host", get(ALIVE, "X: y", host=" "), 421, "unknown-host"),
    Case("localhost", get(ALIVE, host="LOCALHOST:80"), 200),
    Case("an address", get(ALIVE, host="[::1]:8001"), 200),
    Case("HTTP/1.0, which needs no host", head(f"GET {ALIVE} HTTP/1.0", host=""), 200),
    Case("a long header", get(ALIVE, "X: " + "x" * 40_000), 431, "head-too-large"),
    Case("many headers", get(ALIVE, *["X: y"] * 10_000), 431, "head-too-large"),
    Case("a header without an end", get(ALIVE)[:-4] + b"\r\nX: " + b"x" * 400_000, 431, "head-too-large"),
    Case("a long path", get("/v1/jobs/" + "x" * 40_000), 431, "head-too-large"),
    Case("two types", post("/v1/jobs", BODY, "Content-Type: text/plain"), 400, "bad-header"),
    Case("two keys", post("/v1/jobs", BODY, "Idempotency-Key: a", "Idempotency-Key: b"), 400, "bad-header"),
    Case("a key that is too long", post("/v1/jobs", BODY, "Idempotency-Key: " + "k" * 300), 400, "bad-header"),
    Case("a deadline of digits", post("/v1/jobs", BODY, "Cancel-After: " + "9" * 5_000), 400, "bad-header"),
    Case("an event that is none", get("/v1/jobs/x/events", "Last-Event-ID: " + "9" * 5_000), 404, "unknown-job"),
    Case("another site's form", post("/v1/batches", b"", "Sec-Fetch-Site: cross-site"), 403, "foreign-form"),
    Case("a neighbour's form", post("/v1/jobs", BODY, "Sec-Fetch-Site: same-site"), 403, "foreign-form"),
    Case(
        "another site's question",
        head(
            "OPTIONS /v1/jobs HTTP/1.1",
            "Origin: https://evil.example",
            "Connection: close",
            "Access-Control-Request-Method: POST",
        ),
        405,
        "method-not-allowed",
    ),
    Case("an expectation", post("/v1/jobs", BODY, "Expect: 200-maybe"), 417, "unmet-expectation"),
    Case("an expectation more", post("/v1/jobs", BODY, "Expect: 100-continue, x"), 417, "unmet-expectation"),
    Case("two expectations", post("/v1/jobs", BODY, "Expect: x", "Expect: 100-continue"), 400, "bad-header"),
    Case("an upgrade", get(ALIVE, "Upgrade: websocket", "Sec-WebSocket-Version: 13"), 200),
)

PATHS = (
    Case("a way up", get("/../../etc/passwd"), 404, "not-found"),
    Case("a way up, encoded", get("/%2e%2e/%2e%2e/etc/passwd"), 404, "not-found"),
    Case("a way up from the assets", get("/static/../../../pyproject.toml"), 404, "not-found"),
    Case("a way up from the assets, encoded", get("/static/x/..%2f..%2fsite.py"), 404, "not-found"),
    Case("a way up from the documentation", get("/static-offline-docs/..%2f..%2f..%2fetc/passwd"), 404, "not-found"),
    Case("a way up in an id", get("/v1/jobs/..%2f..%2fetc%2fpasswd"), 404, "not-found"),
    Case("a way up in a batch's id", get("/v1/batches/..%2f..%2fx/results"), 404, "not-found"),
    Case("a folder of Windows", get("/v1/batches/..%5c..%5cx/results"), 404, "unknown-batch"),
    Case("a NUL in an id", get("/v1/jobs/%00"), 404, "unknown-job"),
    Case("a new line in an id", get("/v1/jobs/x%0d%0aX-Evil:%201"), 404, "unknown-job"),
    Case("percent signs that encode nothing", get("/v1/jobs/%zz%"), 404, "unknown-job"),
    Case("bytes that are no text", get("/v1/jobs/%ff%fe"), 404, "unknown-job"),
    Case("a new line in a version", get("/v1/model/x%0aGET%20y"), 404, "unknown-model"),
    Case("a query that is none", get("/v1/jobs?limit=%00&state=%ff&after=%0a"), 422, "invalid-query"),
    Case("a huge limit", get("/v1/jobs?limit=" + "9" * 5_000), 422, "invalid-query"),
    Case("a number that is none", get("/v1/drift?hours=NaN"), 422, "invalid-query"),
    Case("a whole address of another's", whole("http://evil.example"), 421, "unknown-host"),
    Case("a whole address of another's, by an address", whole("http://evil.example", "127.0.0.1"), 421, "unknown-host"),
    Case("a whole address with a user", whole("http://localhost@evil.example"), 421, "unknown-host"),
    Case("a whole address with our name for a user", whole("http://localhost:80@evil.example"), 421, "unknown-host"),
    Case("a whole address without a host", whole("http://"), 400, "not-http"),
    Case("a whole address of another kind", whole("ftp://localhost"), 400, "not-http"),
    Case("a whole address, and no host", whole("http://localhost", ""), 400, "bad-header"),
    Case("a whole address, which counts", whole("HTTP://localhost:8001", "evil.example"), 200),
    Case("a whole address with a query", whole("https://[::1]", end="?limit=x"), 422, "invalid-query"),
    Case("all of it", head("OPTIONS * HTTP/1.1", "Connection: close"), 404, "not-found"),
)

REQUESTS = (*NOT_HTTP, *SMUGGLED, *FRAMED, *HEADS, *PATHS)
