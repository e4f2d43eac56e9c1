"""Bodies of submits and files of batches, each with its answer."""

import gzip
import json
import zlib

from core.schema.patient import COLUMNS, EXAMPLE
from tests.hostile.requests import BODY, Case, post

HEADER = ",".join(COLUMNS).encode() + b"\n"
ROW = b"63,1,3,145,233,1,0,150,0,2.3,0,0,1\n"
PACKED = "Content-Encoding: gzip"
FORM = "multipart/form-data; boundary=x"


def age(text: str) -> bytes:
    """Return a submit of a patient whose age is written so."""
    return post("/v1/jobs", BODY.replace(b'"age": 34', f'"age": {text}'.encode()))


def job(body: bytes, *headers: str, type: str = "application/json") -> bytes:
    """Return a submit."""
    return post("/v1/jobs", body, *headers, type=type)


def file(body: bytes, *headers: str, type: str = "text/csv") -> bytes:
    """Return an upload."""
    return post("/v1/batches", body, *headers, type=type)


def attached(name: str, body: bytes, more: bytes = b"") -> bytes:
    """Return a form with a file of this name."""
    said = b'Content-Disposition: form-data; name="file"; filename="' + name.encode() + b'"'
    return b"--x\r\n" + said + b"\r\n\r\n" + body + b"\r\n" + more + b"--x--\r\n"


PATIENTS = json.dumps({"patients": [EXAMPLE]}).encode()
TWICE = BODY.replace(b'"age": 34', b'"age": 34, "age": 35')
ZEROS = b"0" * 60_000_000
BLANKS = gzip.compress(HEADER + b"\n" * 60_000_000)

JSON = (
    Case("nothing", job(b""), 400, "not-json"),
    Case("half a body", job(BODY[:-1]), 400, "not-json"),
    Case("two bodies", job(BODY + BODY), 400, "not-json"),
    Case("deep nesting", job(b"[" * 1_000_000), 400, "not-json"),
    Case("deep nesting, closed", job(b'{"a":' * 500_000 + b"1" + b"}" * 500_000), 400, "not-json"),
    Case("deep nesting in a field", age("[" * 150 + "]" * 150), 422, "invalid-patient"),
    Case("NaN", age("NaN"), 422, "invalid-patient"),
    Case("Infinity", age("-Infinity"), 422, "invalid-patient"),
    Case("1e999", age("1e999"), 422, "invalid-patient"),
    Case("1e-999", age("1e-999"), 422, "invalid-patient"),
    Case("a huge integer", age("9" * 4_000), 422, "invalid-patient"),
    Case("a huger integer", age("9" * 3_000_000), 400, "not-json"),
    Case("a long fraction", age("34." + "0" * 1_000_000 + "1"), 202),
    Case("a number with a leading zero", age("034"), 400, "not-json"),
    Case("half a surrogate", job(BODY.replace(b'"age"', b'"\\ud800"')), 400, "not-json"),
    Case("a NUL in a name", job(BODY.replace(b'"age"', b'"age\\u0000"')), 422, "invalid-patient"),
    Case("bytes that are no text", job(BODY.replace(b'"age"', b'"\xff\xfe"')), 400, "not-json"),
    Case("UTF-16", job(BODY.decode().encode("utf-16")), 400, "not-json"),
    Case("a byte order mark", job(b"\xef\xbb\xbf" + BODY), 400, "not-json"),
    Case("a key twice, of which the last counts", job(TWICE), 202),
    Case("many keys", job(json.dumps({f"k{n}": n for n in range(100_000)}).encode()), 422, "invalid-patient"),
    Case("a long key", job(json.dumps({"k" * 1_000_000: 1}).encode()), 422, "invalid-patient"),
    Case("Python's own keys", job(b'{"__class__": 1, "__proto__": 2, "__type__": "x"}'), 422, "invalid-patient"),
    Case("patients who are none", job(b'{"patients": {"0": 1}}'), 422, "invalid-patient"),
    Case("many patients who are none", job(b'{"patients": [' + b"0," * 900_000 + b"0]}"), 422, "invalid-patient"),
    Case("a list of lists", job(b'{"patients": [[[]]]}'), 422, "invalid-patient"),
    Case("too large", job(b" " * 4_000_001), 413, "body-too-large"),
    Case("packed", job(gzip.compress(BODY), PACKED), 202),
    Case("packed, and scored at once", post("/api/prediction", gzip.compress(BODY), "Content-Encoding: X-GZIP"), 200),
    Case("packed twice", job(gzip.compress(gzip.compress(BODY)), PACKED), 400, "not-json"),
    Case("packed, and two codings", job(gzip.compress(BODY), PACKED + ", gzip"), 415, "unsupported-media-type"),
    Case("packed with another", job(zlib.compress(BODY), "Content-Encoding: deflate"), 415, "unsupported-media-type"),
    Case("not packed", job(BODY, PACKED), 400, "bad-encoding"),
    Case("half of what is packed", job(gzip.compress(BODY)[:-5], PACKED), 400, "bad-encoding"),
    Case("many empty members", job(gzip.compress(b"") * 150_000, PACKED), 400, "bad-encoding"),
    Case("a bomb", job(gzip.compress(b" " * 60_000_000), PACKED), 413, "body-too-large"),
    Case("too large, unpacked", job(gzip.compress(BODY.ljust(4_000_001)), PACKED), 413, "body-too-large"),
    Case("large, unpacked", job(gzip.compress(BODY.ljust(4_000_000)), PACKED), 202),
    Case("another type", job(BODY, type="text/plain"), 415, "unsupported-media-type"),
    Case("a form", job(b"age=34", type="application/x-www-form-urlencoded"), 415, "unsupported-media-type"),
    Case(
        "XML",
        job(b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', type="text/xml"),
        415,
        "unsupported-media-type",
    ),
    Case("YAML", job(b"!!python/object/apply:os.system [id]", type="application/yaml"), 415, "unsupported-media-type"),
    Case("a prediction of many", post("/api/prediction", PATIENTS), 422, "invalid-patient"),
)

FILES = (
    Case("nothing", file(b""), 422, "invalid-file"),
    Case("no header", file(ROW * 10), 422, "invalid-file"),
    Case("a long row", file(HEADER + b"x" * 1_100_000), 422, "invalid-file"),
    Case("a long header", file(b"x," * 600_000), 422, "invalid-file"),
    Case("many columns", file(b"," * 900_000 + b"\n" + ROW), 422, "invalid-file"),
    Case("a quote that is never closed", file(HEADER + ROW + b'"' + ROW * 10), 422, "invalid-file"),
    Case("nothing but quotes", file(HEADER + b'"' * 1_000_001), 422, "invalid-file"),
    Case("UTF-16", file((HEADER + ROW).decode().encode("utf-16")), 422, "invalid-file"),
    Case("NUL", file(b"\0" * 1_000), 422, "invalid-file"),
    Case("old line ends", file((HEADER + ROW).replace(b"\n", b"\r")), 422, "invalid-file"),
    Case("blank lines", file(HEADER + b"\n" * 1_000_000), 422, "invalid-file"),
    Case("rows that are none", file(HEADER + b"=cmd|' /C calc'!A0,\xff\xfe,\0\n" * 1_000), 202),
    Case("lines that are no JSON", file(b"[" * 100_000 + b"\n{}\n\xff\n", type="application/x-ndjson"), 202),
    Case("a bomb of zeros", file(gzip.compress(HEADER + ZEROS), "Content-Encoding: gzip"), 422, "invalid-file"),
    Case("a bomb of blank lines", file(BLANKS, "Content-Encoding: gzip"), 413, "body-too-large"),
    Case("a bomb in a bomb", file(gzip.compress(BLANKS), "Content-Encoding: gzip"), 422, "invalid-file"),
    Case("a bomb in a form", file(attached("p.csv.gz", BLANKS), type=FORM), 413, "body-too-large"),
    Case("half of a gzip", file(gzip.compress(HEADER + ROW)[:-5], "Content-Encoding: gzip"), 422, "invalid-file"),
    Case("no gzip", file(HEADER + ROW, "Content-Encoding: gzip"), 422, "invalid-file"),
    Case("many empty members", file(gzip.compress(b"") * 50_000, "Content-Encoding: gzip"), 422, "invalid-file"),
    Case("more empty members", file(gzip.compress(b"") * 200_000, PACKED), 422, "invalid-file"),
    Case(
        "many short members within a cell",
        file(gzip.compress(HEADER + ROW + b'"' + b"x" * 500_000) + gzip.compress(b"1") * 10_000, PACKED),
        422,
        "invalid-file",
    ),
    Case(
        "blanks behind a boundary",
        file(attached("p.csv", HEADER + ROW)[:-4] + b" " * 400_000, type=FORM),
        422,
        "invalid-file",
    ),
    Case(
        "what is behind a form", file(attached("p.csv", HEADER + ROW) + b"x" * 400_000, type=FORM), 422, "invalid-file"
    ),
    Case("zlib", file(zlib.compress(HEADER + ROW), "Content-Encoding: deflate"), 415, "unsupported-media-type"),
    Case("two codings", file(BLANKS, "Content-Encoding: gzip, gzip"), 415, "unsupported-media-type"),
    Case("another charset", file(HEADER, type="text/csv; charset=utf-7"), 415, "unsupported-media-type"),
    Case("a form without a boundary", file(HEADER, type="multipart/form-data"), 422, "invalid-file"),
    Case(
        "a form with a long boundary",
        file(HEADER, type="multipart/form-data; boundary=" + "x" * 5_000),
        422,
        "invalid-file",
    ),
    Case("a form that is none", file(b"--x", type=FORM), 422, "invalid-file"),
    Case(
        "a form with two files",
        file(attached("p.csv", HEADER + ROW, attached("q.csv", ROW)[:-7]), type=FORM),
        422,
        "invalid-file",
    ),
    Case("a form with a header without end", file(b"--x\r\nX: " + b"x" * 500_000, type=FORM), 422, "invalid-file"),
    Case("a form with many headers", file(b"--x\r\n" + b"X: y\r\n" * 50_000, type=FORM), 422, "invalid-file"),
    Case(
        "a form with a long field",
        file(b'--x\r\nContent-Disposition: form-data; name="k"\r\n\r\n' + b"x" * 9_000, type=FORM),
        422,
        "invalid-file",
    ),
    Case("a name with a way up", file(attached("../../etc/passwd.csv", HEADER + ROW), type=FORM), 202),
    Case("a name with a new line", file(attached("a%0d%0ab.csv", HEADER + ROW), type=FORM), 202),
    Case("a name without a kind", file(attached("../../x", HEADER + ROW), type=FORM), 415, "unsupported-media-type"),
    Case("an option that is none", post("/v1/batches?join=../..", HEADER + ROW, type="text/csv"), 422, "invalid-query"),
)
