"""A file whose cells and columns a spreadsheet would run comes back so that it runs none, where that is asked for."""

import csv
import io
import json

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from core.schema.patient import COLUMNS, EXAMPLE
from core.table.cell import may_run

RUN = ("=1+1", "\n=1+1", "\t=1+1", "\r\n+1+1", "\r-1+1", " @sum(a)", "\uff1d1+1", "\ufeff=1", '=cmd|" /C calc"!A0')
ASKED = {"format": "csv", "spreadsheet_safe": "true"}


def download(client: httpx2.Client, body: bytes, media_type: str, **options: str) -> list[list[str]]:
    """Return the cells of the results of a file, as a spreadsheet is given them."""
    sent = client.post("/v1/batches", content=body, headers={"Content-Type": media_type}, params=options)
    assert sent.status_code == 202, sent.text
    place = sent.headers["Location"]
    wait_until(lambda: client.get(place).json()["state"] == "succeeded", within_s=60, what="the file to be scored")
    text = client.get(f"{place}/results", params=ASKED).text
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=options.get("delimiter", ",").replace("tab", "\t")))


@pytest.mark.parametrize("delimiter", [",", "tab"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_no_cell_and_no_name_of_a_csv_is_run(keyed: Keyed, delimiter: str, quoting: int) -> None:
    written, mark = io.StringIO(newline=""), "\t" if delimiter == "tab" else delimiter
    table = csv.writer(written, delimiter=mark, lineterminator="\n", quoting=quoting)  # type: ignore[arg-type]
    table.writerow([*COLUMNS, "note", "=1+1", ""])
    patient = [EXAMPLE.get(name, "") for name in COLUMNS]
    table.writerows([[*patient, text, text, ""] for text in RUN])
    with keyed.client(keyed.make_key()) as client:
        rows = download(client, written.getvalue().encode(), "text/csv", delimiter=delimiter)
    assert len(rows) == 1 + len(RUN)
    assert not [cell for row in rows for cell in row if may_run(cell.encode())]
    assert rows[0][len(COLUMNS) + 1] == "'=1+1"
    assert [row[len(COLUMNS)] for row in rows[1:]] == [f"'{text}" for text in RUN]


def test_no_text_of_an_object_is_run_as_a_cell(keyed: Keyed) -> None:
    lines = b"".join(json.dumps(EXAMPLE | {"=id": text}).encode() + b"\n" for text in RUN)
    with keyed.client(keyed.make_key()) as client:
        rows = download(client, lines, "application/x-ndjson", id_column="=id")
    assert not [cell for row in rows for cell in row if may_run(cell.encode())]
    assert [row[0] for row in rows] == ["'=id", *(f"'{text}" for text in RUN)]
