"""Downloads over a real socket: parts as one file, ranges of it as RFC 9110 has them, and nothing cut short unseen."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from arro3.io import read_parquet
from fastapi import FastAPI, Request, Response
from hypothesis import given
from hypothesis import strategies as st

from api.batches.download import (
    PIECE_BYTES,
    Download,
    ObjectRange,
    choose_conversion,
    choose_format,
    parse_range,
    send_download,
)
from api.batches.results import header_of
from api.http.problem import add_problem_handlers
from core.errors import BadRange
from core.ledger.batch import SCORE_COLUMNS, Form, Format
from core.settings import Settings
from core.storage.store import Store
from tests.listening import listening

FORM = Form(Format.CSV, ("id", "note"))
AS_PARQUET = {"Accept": "application/vnd.apache.parquet"}
TAIL = ",0.5,disease,,,1.0.0"
PARTS = [f"{number},=x{TAIL}\n".encode() * size for number, size in ((1, 100_000), (2, 0), (3, 3))]
WHOLE = header_of(FORM) + b"".join(PARTS)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where results are sent: `/` all of them, `/growing` the beginning, `/broken` with a part that is not there."""
    folder: Path = tmp_path_factory.mktemp("store")
    store = Store.open(Settings(store=f"file://{folder}"))
    ranges = [ObjectRange(f"results/{number}", len(part), part.count(b"\n")) for number, part in enumerate(PARTS)]
    for range_, part in zip(ranges, PARTS, strict=True):
        store.write(range_.key, part)
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.get("/{how:path}")
    async def read(how: str, request: Request, spreadsheet_safe: bool = False) -> Response:
        format = choose_format(request, FORM.format)
        sent = {"": ranges, "growing": ranges[:1], "broken": [*ranges, ObjectRange("results/no", 10, 1)]}
        sent["away"] = sent["broken"][-1:]
        head = header_of(FORM) if format is Format.CSV else b""
        download = Download(f'a"/é.{format}', format, head, sent[how], complete=how != "growing", form=FORM)
        return await send_download(
            request, store, download, choose_conversion(format, FORM, spreadsheet_safe, download.row_bytes)
        )

    add_problem_handlers(app)
    with listening(app) as port:
        yield f"http://127.0.0.1:{port}/"


def test_parts_are_sent_as_one_file_with_a_name_that_is_safe(url: str) -> None:
    answer = httpx2.get(url)
    assert answer.content == WHOLE
    assert answer.headers["Content-Length"] == str(len(WHOLE))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a___.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-60", 5, 61),
        (f"bytes={PIECE_BYTES - 9}-{PIECE_BYTES + 9}", PIECE_BYTES - 9, PIECE_BYTES + 10),
        (f"bytes={len(WHOLE) - 80}-", len(WHOLE) - 80, len(WHOLE)),
        ("bytes=-100", len(WHOLE) - 100, len(WHOLE)),
        ("bytes=10-999999999", 10, len(WHOLE)),
        ("bytes=-999999999", 0, len(WHOLE)),
    ],
)
def test_a_range_is_the_same_bytes_of_the_whole(url: str, wanted: str, start: int, end: int) -> None:
    answer = httpx2.get(url, headers={"Range": wanted})
    assert answer.status_code == 206
    assert answer.content == WHOLE[start:end]
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(WHOLE)}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=0-1", "bytes=9-5", "bytes=-", "bytes=a-b", ""])
def test_a_range_that_cannot_be_read_is_answered_with_the_whole(url: str, wanted: str) -> None:
    answer = httpx2.get(url, headers={"Range": wanted})
    assert (answer.status_code, len(answer.content)) == (200, len(WHOLE))


def test_a_range_beyond_the_end_is_416(url: str) -> None:
    answer = httpx2.get(url, headers={"Range": f"bytes={len(WHOLE)}-"})
    assert answer.status_code == 416
    assert answer.json()["type"] == "urn:scoreline:problem:bad-range"


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 20))
def test_a_range_never_leaves_the_file(first: int, last: int, size: int) -> None:
    for header in (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}"):
        try:
            start, end, partial = parse_range(header, size)
        except BadRange:
            continue
        assert 0 <= start <= end <= size
        assert partial == (start < end) or (start, end) == (0, size)


def test_a_range_goes_on_only_with_the_same_file(url: str) -> None:
    etag = httpx2.get(url, headers={"Range": "bytes=0-0"}).headers["ETag"]
    for if_range, status in ((etag, 206), ('"other"', 200)):
        answer = httpx2.get(url, headers={"Range": "bytes=0-9", "If-Range": if_range})
        assert answer.status_code == status


def test_a_file_that_grows_does_not_say_how_large_it_will_be(url: str) -> None:
    answer = httpx2.get(f"{url}growing", headers={"Range": "bytes=0-9"})
    assert answer.headers["Content-Range"] == "bytes 0-9/*"
    assert "ETag" not in answer.headers


def test_lines_of_json_are_sent_to_who_accepts_them(url: str) -> None:
    answer = httpx2.get(url, headers={"Accept": "text/html;q=1, application/x-ndjson, */*", "Range": "bytes=0-9"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Accept-Ranges"] == "none"
    assert len(answer.text.splitlines()) == 100_003
    assert answer.text.startswith('{"id":"1","note":"=x","risk":0.5,"prediction":"disease","conformal":[],')


@pytest.mark.parametrize(("how", "rows"), [("", 100_003), ("growing", 100_000)])
def test_parquet_is_sent_to_who_accepts_it_and_is_whole_even_of_a_file_that_grows(
    url: str, how: str, rows: int
) -> None:
    with httpx2.stream("GET", f"{url}{how}", headers=AS_PARQUET | {"Range": "bytes=0-9"}) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
        assert answer.headers["Accept-Ranges"] == "none"
        table = read_parquet(io.BytesIO(answer.read())).read_all()
    assert (table.num_rows, table.column_names) == (rows, ["id", "note", *SCORE_COLUMNS])
    assert set(table.column("risk").to_pylist()) == {0.5}


def test_parquet_that_fails_before_any_of_it_is_sent_is_answered_as_a_failure(url: str) -> None:
    for how in ("broken", "away"):
        assert httpx2.get(f"{url}{how}", headers=AS_PARQUET).status_code == 500


def test_a_spreadsheet_runs_nothing_of_it(url: str) -> None:
    answer = httpx2.get(url, params={"spreadsheet_safe": True})
    assert answer.content == WHOLE.replace(b",=x,", b',"\'=x",')


def test_a_file_of_which_a_part_is_lost_breaks_off(url: str) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{url}broken")
    assert httpx2.get(f"{url}away").status_code == 500
