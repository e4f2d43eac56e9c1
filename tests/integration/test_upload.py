"""Uploads over a real socket: what is sent is in the store, whole; what breaks off, or is refused, leaves nothing."""

import gzip
import hashlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import free_port
from core.schema.patient import COLUMNS
from core.settings import Settings
from core.storage.store import Store
from tests.uploading import ID, serving

HEADER = ",".join(COLUMNS).encode() + b"\n"
ROW = b"63,1,3,145,233,1,0,150,0,2.3,0,0,1\n"
ROWS = ROW * 300_000  # 10.5 MB: three parts
CSV = {"Content-Type": "text/csv"}
GZIP = {"Content-Encoding": "gzip"}
FORM = ("invalid-file", ["bad_form"])
OPEN_CELL = gzip.compress(HEADER + ROW + b'"' + b"x" * 800_000)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=f"file://{tmp_path}/store", upload_idle_s=1, upload_limit_bytes=20_000_000, uploads_limit=2)


@pytest.fixture
def server(settings: Settings) -> Iterator[tuple[int, Store]]:
    with serving(settings) as served:
        yield served


def send(port: int, body: Any, headers: dict[str, str], **more: Any) -> httpx2.Response:
    return httpx2.post(f"http://127.0.0.1:{port}/", content=body, headers=headers, timeout=30, **more)


def stored(store: Store) -> bytes:
    keys = sorted(file.key for file in store.files("batches"))
    assert keys == [f"batches/{ID}/in/{number:06}" for number in range(1, len(keys) + 1)]
    return b"".join(store.read(key) for key in keys)


def problem(answer: httpx2.Response, status: int) -> tuple[str, list[str]]:
    """Check that the answer is a problem of this status; return its type and the codes of its faults."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    return body["type"].removeprefix("urn:scoreline:problem:"), [fault["code"] for fault in body.get("errors", [])]


def test_a_csv_is_in_the_store_in_parts_of_whole_rows_when_it_is_answered(server: tuple[int, Store]) -> None:
    port, store = server
    upload = send(port, HEADER + ROWS, CSV, params={"join": "ids", "id_column": "age"}).json()
    assert upload["errors"][0]["field"] == "id_column"
    upload = send(port, HEADER + ROWS, CSV, params={"error_limit": "3"}).json()
    assert stored(store) == ROWS
    assert upload["sha256"] == hashlib.sha256(HEADER + ROWS).hexdigest()
    assert upload["bytes"] == len(HEADER + ROWS)
    assert upload["form"]["columns"] == list(COLUMNS)
    assert upload["options"]["error_limit"] == 3
    assert [part["number"] for part in upload["parts"]] == [1, 2, 3]
    assert upload["parts"][0]["first_line"] == 2
    assert sum(part["lines"] for part in upload["parts"]) == 300_000


def test_the_same_file_comes_in_each_of_its_wrappings(server: tuple[int, Store]) -> None:
    port, store = server
    file, url = HEADER + ROW * 1_000, f"http://127.0.0.1:{port}/"
    form = httpx2.Request("POST", url, data={"delimiter": ","}, files={"file": ("p.csv", file, "text/csv")})
    packed = httpx2.Request("POST", url, files={"file": ("p.csv.gz", gzip.compress(file), "application/gzip")})
    answers = [
        send(port, file, CSV),
        send(port, iter([file[:1_000], file[1_000:]]), CSV),
        send(port, gzip.compress(file), CSV | GZIP),
        send(port, form.read(), dict(form.headers)),
        send(port, gzip.compress(form.read()), {"Content-Type": form.headers["content-type"]} | GZIP),
        send(port, packed.read(), dict(packed.headers)),
    ]
    assert {answer.json().get("sha256") for answer in answers} == {hashlib.sha256(file).hexdigest()}
    assert stored(store) == ROW * 1_000


def test_json_lines_have_no_header(server: tuple[int, Store]) -> None:
    port, store = server
    upload = send(port, b'{"age": 1}\n{"age": 2}', {"Content-Type": "application/x-ndjson"}).json()
    assert stored(store) == b'{"age": 1}\n{"age": 2}\n'
    assert upload["form"]["format"] == "jsonl"
    assert upload["parts"] == [{"number": 1, "first_line": 1, "lines": 2}]


@pytest.mark.parametrize(
    ("body", "headers", "status", "expected"),
    [
        (b"", CSV, 422, ("invalid-file", ["empty"])),
        (HEADER, CSV, 422, ("invalid-file", ["empty"])),
        (ROWS, CSV, 422, ("invalid-file", ["no_header"])),
        (HEADER.replace(b"age", b"Age") + ROW, CSV, 422, ("invalid-file", ["missing"])),
        (HEADER + ROWS + b"x" * 1_000_001, CSV, 422, ("invalid-file", ["record_too_long"])),
        (HEADER + ROWS + b'"' + ROW, CSV, 422, ("invalid-file", ["unclosed_quote"])),
        (HEADER + ROWS * 2, CSV, 413, ("body-too-large", [])),
        (iter([HEADER, ROWS, ROWS]), CSV, 413, ("body-too-large", [])),
        (gzip.compress(HEADER + b"0" * 100_000_000), CSV | GZIP, 422, ("invalid-file", ["record_too_long"])),
        (gzip.compress(HEADER + b"\n" * 100_000_000), CSV | GZIP, 413, ("body-too-large", [])),
        (gzip.compress(HEADER + ROWS, 1)[:-9], CSV | GZIP, 422, ("invalid-file", ["not_gzip"])),
        (HEADER + ROWS, CSV | GZIP, 422, ("invalid-file", ["not_gzip"])),
        (gzip.compress(b"") * 200_000, CSV | GZIP, 422, ("invalid-file", ["too_many_members"])),
        (OPEN_CELL + gzip.compress(b"1") * 12_000, CSV | GZIP, 422, ("invalid-file", ["too_many_members"])),
        (iter([gzip.compress(HEADER + ROW), b"\0" * 20_000_000]), CSV | GZIP, 413, ("body-too-large", [])),
        (b"--x--" + b"x" * 400_000, {"Content-Type": "multipart/form-data; boundary=x"}, 422, FORM),
        (HEADER + ROW, CSV | {"Content-Encoding": "br"}, 415, ("unsupported-media-type", [])),
        (HEADER + ROW, {"Content-Type": "application/json"}, 415, ("unsupported-media-type", [])),
        (HEADER + ROW, {"Content-Type": "text/csv; charset=latin-1"}, 415, ("unsupported-media-type", [])),
        (HEADER + ROW, {"Content-Type": "multipart/form-data; boundary=x"}, 422, ("invalid-file", ["bad_form"])),
    ],
)
def test_a_bad_file_is_refused_and_nothing_of_it_stays(
    server: tuple[int, Store], body: Any, headers: dict[str, str], status: int, expected: tuple[str, list[str]]
) -> None:
    port, store = server
    assert problem(send(port, body, headers), status) == expected
    assert store.names("batches") == ()


def begin(port: int, length: int | None) -> socket.socket:
    """Begin an upload that is large enough for parts to be written, and leave it open."""
    client = socket.create_connection(("127.0.0.1", port))
    framing = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
    client.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n{framing}\r\n\r\n".encode())
    data = HEADER + ROWS
    client.sendall(data if length else f"{len(data):x}\r\n".encode() + data + b"\r\n")
    return client


@pytest.mark.parametrize("length", [len(HEADER + ROWS) + 1, None])
def test_an_upload_that_breaks_off_leaves_nothing(server: tuple[int, Store], length: int | None) -> None:
    port, store = server
    with begin(port, length):
        wait_until(lambda: list(store.files("batches")), within_s=20, what="a part to be written")
    wait_until(lambda: store.names("batches") == (), within_s=20, what="the parts to be deleted")


def test_an_upload_that_stalls_is_ended_and_leaves_nothing(server: tuple[int, Store]) -> None:
    port, store = server
    with begin(port, 20_000_000) as client:
        client.settimeout(20)
        assert client.recv(1_000).startswith(b"HTTP/1.1 408 ")
    assert store.names("batches") == ()


def test_one_upload_too_many_is_told_to_come_back(server: tuple[int, Store]) -> None:
    port, store = server
    with begin(port, 20_000_000), begin(port, 20_000_000):
        wait_until(lambda: list(store.files("batches")), within_s=20, what="a part to be written")
        answer = send(port, HEADER + ROW, CSV)
    assert problem(answer, 429) == ("backlogged", [])
    assert answer.headers["Retry-After"]


def test_a_store_that_is_away_is_told_and_nothing_is_left_to_hang(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    away = settings.model_copy(update={"store": "s3://scoreline", "store_timeout_s": 1})
    with serving(away) as (port, _):
        assert problem(send(port, HEADER + ROWS, CSV), 503) == ("store-unavailable", [])


def test_uploads_at_once_do_not_mix(settings: Settings) -> None:
    # Each is batch ID here, so that only sizes and hashes can be told apart.
    with serving(settings) as (port, _), ThreadPoolExecutor(2) as clients:
        files = [HEADER + ROW * count for count in (1_000, 200_000)]
        answers = list(clients.map(lambda file: send(port, file, CSV).json(), files))
    assert [answer["sha256"] for answer in answers] == [hashlib.sha256(file).hexdigest() for file in files]


def test_a_gateway_that_stops_leaves_nothing_of_an_upload_it_cut_short(settings: Settings) -> None:
    with serving(settings.model_copy(update={"upload_idle_s": 60})) as (port, store):
        client = begin(port, 20_000_000)
        wait_until(lambda: list(store.files("batches")), within_s=20, what="a part to be written")
    client.close()
    assert store.names("batches") == ()
