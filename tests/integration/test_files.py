"""Files over HTTP, through a whole real service: every row is in the results or in the errors, once and in order."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import gateway, running, service, valkey
from core.ledger.batch import SCORE_COLUMNS
from core.schema.patient import EXAMPLE
from core.settings import Settings
from core.storage.store import Store
from tests.files import NAMES, csv_row
from tests.receiver import SECRET, receiving

CSV, JSONL = {"Content-Type": "text/csv"}, {"Content-Type": "application/x-ndjson"}
HEADER = ",".join(NAMES).encode() + b"\n"
SOON_S = 30

Files = tuple[httpx2.Client, Store]
"""A client of a whole service that takes files, and the store that the service puts them in."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    folder = tmp_path_factory.mktemp("files")
    variables = {
        "SCORELINE_STORE": f"file://{folder}/store",
        "SCORELINE_CALLBACK_SECRET": SECRET,
        "SCORELINE_CALLBACK_PRIVATE": "true",
        "SCORELINE_BULK_PROCESSES": "1",
        "SCORELINE_WORKER_PROCESSES": "1",
    }
    with ExitStack() as stack:
        variables["SCORELINE_REDIS_URL"] = stack.enter_context(valkey(folder / "valkey"))
        for arguments in (["run", "--queue", "bulk"], ["notify"]):
            stack.enter_context(running("worker", *arguments, log=folder / "bulk.log", **variables))
        url = stack.enter_context(service(folder, **variables))
        client = stack.enter_context(httpx2.Client(base_url=url, timeout=30))
        yield client, Store.open(Settings(store=variables["SCORELINE_STORE"]))


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """A gateway and a sweep alone: what is uploaded stays queued. Two hundred lines may wait."""
    folder = tmp_path_factory.mktemp("idle")
    variables = {"SCORELINE_STORE": f"file://{folder}/store", "SCORELINE_BULK_BACKLOG_LIMIT": "200"}
    with ExitStack() as stack:
        variables["SCORELINE_REDIS_URL"] = stack.enter_context(valkey(folder / "valkey"))
        stack.enter_context(running("worker", "sweep", log=folder / "sweep.log", **variables))
        url = stack.enter_context(gateway(folder, **variables))
        client = stack.enter_context(httpx2.Client(base_url=url, timeout=30))
        yield client, Store.open(Settings(store=variables["SCORELINE_STORE"]))


def upload(client: httpx2.Client, body: bytes, headers: dict[str, str], **options: Any) -> dict[str, Any]:
    """Upload a file, and return the batch."""
    answer = client.post("/v1/batches", content=body, headers=headers, params=options)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/batches/{answer.json()['id']}"
    return dict(answer.json())


def ended(client: httpx2.Client, batch: dict[str, Any]) -> dict[str, Any]:
    """Return the batch once it has ended."""

    def look() -> dict[str, Any] | None:
        seen: dict[str, Any] = client.get(batch["links"]["self"]).json()
        return seen if seen["finished_at"] else None

    return wait_until(look, within_s=SOON_S, what="the batch to end")


def score(client: httpx2.Client, body: bytes, headers: dict[str, str], **options: Any) -> dict[str, Any]:
    """Upload a file, and return the batch once it has succeeded."""
    batch = ended(client, upload(client, body, headers, **options))
    assert batch["state"] == "succeeded", batch
    return batch


def problem(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:scoreline:problem:")


def score_alone(client: httpx2.Client, patients: list[dict[str, object]]) -> list[dict[str, Any]]:
    """Return the scores that the patients get as a job of their own."""
    answer = client.post("/v1/jobs", json={"patients": patients}, headers={"Prefer": "wait=30"})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["scores"])


def test_rows_come_back_as_they_were_sent_with_the_scores_that_they_get_alone(files: Files) -> None:
    client, _ = files
    ages = [20 + n % 60 for n in range(500)]
    notes = ("", '"a, b"', '"first\nsecond"', "=1+1", "é")
    rows = [csv_row(id=f"p{n}", age=age, note=notes[n % 5], ca="" if n % 3 else 2) for n, age in enumerate(ages)]
    bad = [csv_row(id="bad", age=17), csv_row(id="worse", cp="pain", thalach="?"), b"too,few\n"]
    body = HEADER + b"".join(rows[:250] + bad + rows[250:])
    batch = score(client, body, CSV, id_column="id")
    assert batch["counts"] == {"rows": 503, "scored": 500, "rejected": 3, "parts": 1, "parts_done": 1}
    results = client.get(batch["links"]["results"])
    assert results.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert results.headers["content-disposition"] == f'attachment; filename="scores-{batch["id"]}.csv"'
    scored = list(csv.DictReader(io.StringIO(results.text, newline="")))
    assert list(scored[0]) == [*NAMES, *SCORE_COLUMNS]
    # Byte for byte: each row of the answer begins with the row that was sent.
    place = results.content.index(b"\n") + 1
    for row in rows:
        assert results.content[place:].startswith(row.rstrip(b"\n") + b",")
        place += results.content[place + len(row) :].index(b"\n") + len(row) + 1
    assert place == len(results.content)
    alone = score_alone(client, [EXAMPLE | {"age": age, "ca": None if n % 3 else 2} for n, age in enumerate(ages)])
    for one, other in zip(scored, alone, strict=True):
        assert float(one["risk"]) == other["risk"]
        assert (one["prediction"], one["model_version"]) == (other["prediction"], other["model_version"])
        assert [one[name].split("|") if one[name] else [] for name in ("conformal", "warnings")] == [
            other["conformal"],
            other["warnings"],
        ]
    errors = [json.loads(line) for line in client.get(batch["links"]["errors"]).text.splitlines()]
    line = body[: body.index(b"bad")].count(b"\n") + 1
    assert [(error["line"], error["column"], error["code"]) for error in errors] == [
        (line, "age", "out_of_bounds"),
        (line + 1, "cp", "unknown_code"),
        (line + 1, "thalach", "wrong_type"),
        (line + 2, None, "ragged"),
    ]


def test_lines_of_json_come_packed_and_leave_as_either_format(files: Files) -> None:
    client, _ = files
    lines = [EXAMPLE | {"id": n, "note": "=1+1"} for n in range(40)]
    body = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    batch = score(client, body, JSONL | {"Content-Encoding": "gzip"}, id_column="id")
    place = batch["links"]["results"]
    own = [json.loads(line) for line in client.get(place).text.splitlines()]
    assert [{name: value for name, value in row.items() if name not in SCORE_COLUMNS} for row in own] == lines
    table = client.get(place, headers={"Accept": "text/csv"})
    assert [row["id"] for row in csv.DictReader(io.StringIO(table.text))] == [str(n) for n in range(40)]
    assert client.get(place, params={"format": "csv"}).content == table.content
    assert table.headers["accept-ranges"] == "none"
    part = client.get(place, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, client.get(place).content[100:200])
    assert problem(client.get(place, params={"format": "xlsx"})) == (422, "invalid-query")
    assert problem(client.get(place, headers={"Range": "bytes=999999999-"})) == (416, "bad-range")


def test_a_form_carries_options_and_ids_alone_come_back_safe_for_spreadsheets(files: Files) -> None:
    client, _ = files
    body = HEADER + csv_row(id="=cmd()") + csv_row(id="b", age=1)
    form = {"data": {"join": "ids", "id_column": "id"}, "files": {"file": ("p.csv.gz", gzip.compress(body))}}
    answer = client.post("/v1/batches", **form)  # type: ignore[arg-type]
    assert answer.status_code == 202, answer.text
    batch = ended(client, answer.json())
    raw, safe = (
        client.get(batch["links"]["results"], params={"spreadsheet_safe": safe}).text for safe in (False, True)
    )
    assert raw.splitlines()[0] == ",".join(("id", *SCORE_COLUMNS))
    assert [text.splitlines()[1].split(",")[0].strip('"') for text in (raw, safe)] == ["=cmd()", "'=cmd()"]


@pytest.mark.parametrize(
    ("option", "state"),
    [({"on_error": "fail"}, "failed"), ({"error_limit": "1"}, "failed"), ({"error_limit": "2"}, "succeeded")],
)
def test_too_many_bad_rows_fail_a_batch_that_says_so(files: Files, option: dict[str, str], state: str) -> None:
    client, _ = files
    batch = ended(client, upload(client, HEADER + csv_row(age=1) * 2 + csv_row(), CSV, **option))
    assert batch["state"] == state
    assert (batch["error"] or {}).get("code") == ("too-many-rejected" if state == "failed" else None)
    assert len(client.get(batch["links"]["errors"]).text.splitlines()) == 2
    assert len(client.get(batch["links"]["results"]).text.splitlines()) == 2


def test_a_batch_may_name_the_only_model_that_is_to_score_it(files: Files) -> None:
    client, _ = files
    served = score_alone(client, [dict(EXAMPLE)])[0]["model_version"]
    assert score(client, HEADER + csv_row(), CSV, model_version=served)["counts"]["scored"] == 1
    other = ended(client, upload(client, HEADER + csv_row(), CSV, model_version="0.9"))
    assert (other["state"], other["error"]["code"]) == ("failed", "model-not-served")
    assert served in other["error"]["message"]


def test_the_story_of_a_batch_is_told_as_it_happens_and_again(files: Files) -> None:
    client, _ = files
    batch = upload(client, HEADER + csv_row() * 100, CSV)
    with client.stream("GET", batch["links"]["events"]) as answer:
        events = [event.split("\n") for event in answer.read().decode().split("\n\n") if event]
    told = [dict(line.split(": ", 1) for line in event if not line.startswith(":")) for event in events]
    assert [event["event"] for event in told][-2:] == ["progress", "end"]
    last = json.loads(told[-2]["data"])
    assert (last["state"], last["counts"]["rows"]) == ("succeeded", 100)
    numbers = [int(event["id"]) for event in told]
    assert numbers == sorted(set(numbers))
    again = client.get(batch["links"]["events"], headers={"Last-Event-ID": told[-2]["id"]})
    assert again.text.count("event: ") == 1
    assert client.get(batch["links"]["events"], headers={"Last-Event-ID": told[-1]["id"]}).status_code == 204


def test_the_end_of_a_batch_is_told_to_its_callback(files: Files) -> None:
    client, _ = files
    with receiving() as receiver:
        batch = score(client, HEADER + csv_row(), CSV, callback_url=receiver.url)
        told = wait_until(lambda: receiver.told_of(batch["id"]), within_s=SOON_S, what="the callback")[0]
    body = json.loads(told.body)
    assert body["type"] == "batch.succeeded"
    assert body["data"] == {"id": batch["id"], "state": "succeeded", "url": batch["links"]["self"]}


def test_the_same_file_under_the_same_key_is_one_batch(idle: Files) -> None:
    client, store = idle
    body, key = HEADER + csv_row(), {"Idempotency-Key": f'"{uuid4()}"'}
    first = upload(client, body, CSV | key)
    again = client.post("/v1/batches", content=body, headers=CSV | key)
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert again.headers["idempotent-replayed"] == "true"
    for other, options in ((body + csv_row(), {}), (body, {"join": "ids", "id_column": "id"})):
        refused = client.post("/v1/batches", content=other, headers=CSV | key, params=options)
        assert problem(refused) == (422, "idempotency-key-reused")
    assert first["id"] in store.names("batches")
    assert set(store.names("batches")) == {batch["id"] for batch in listed(client)}


def listed(client: httpx2.Client, **query: str) -> list[dict[str, Any]]:
    """Return the batches of a list."""
    return list(client.get("/v1/batches", params=query).json()["data"])


def test_batches_are_listed_canceled_and_erased_with_all_that_the_store_has(idle: Files) -> None:
    client, store = idle
    first, second = (upload(client, HEADER + csv_row(), CSV) for _ in range(2))
    assert [batch["id"] for batch in listed(client, state="queued", limit="2")] == [second["id"], first["id"]]
    assert listed(client, after=second["id"], limit="1") == [first | {"bytes": first["bytes"]}]
    canceled = client.post(f"{first['links']['self']}/cancel")
    assert (canceled.status_code, canceled.json()["state"]) == (200, "canceled")
    assert client.get(first["links"]["results"]).text.splitlines() == [",".join((*NAMES, *SCORE_COLUMNS))]
    assert client.post(f"{first['links']['self']}/cancel").status_code == 200
    assert client.delete(second["links"]["self"]).status_code == 204
    assert problem(client.get(second["links"]["self"])) == (404, "unknown-batch")
    wait_until(lambda: second["id"] not in store.names("batches"), within_s=SOON_S, what="the store to be cleared")
    assert first["id"] in store.names("batches")


def test_an_ended_batch_cannot_be_canceled(files: Files) -> None:
    client, _ = files
    batch = score(client, HEADER + csv_row(), CSV)
    assert problem(client.post(f"{batch['links']['self']}/cancel")) == (409, "ended-batch")


def test_nothing_more_is_taken_where_too_many_rows_wait(idle: Files) -> None:
    client, store = idle
    full = client.post("/v1/batches", content=HEADER + csv_row() * 201, headers=CSV)
    assert problem(full) == (429, "backlogged")
    assert 1 <= int(full.headers["retry-after"]) <= 60
    assert set(store.names("batches")) <= {batch["id"] for batch in listed(client)}


@pytest.mark.parametrize(
    ("body", "headers", "options", "status", "code"),
    [
        (b"age,sex\n1,2\n", CSV, {}, 422, "invalid-file"),
        (HEADER + csv_row(), CSV, {"callback_url": "ftp://x.example"}, 422, "refused-callback"),
        (HEADER + csv_row(), CSV, {"callback_url": "http://x.example"}, 422, "refused-callback"),  # no secret
        (HEADER + csv_row(), CSV, {"on_error": "cry"}, 422, "invalid-query"),
        (b"{}", {"Content-Type": "application/json"}, {}, 415, "unsupported-media-type"),
    ],
)
def test_what_is_refused_leaves_nothing(
    idle: Files, body: bytes, headers: dict[str, str], options: dict[str, str], status: int, code: str
) -> None:
    client, store = idle
    before = set(store.names("batches"))
    assert problem(client.post("/v1/batches", content=body, headers=headers, params=options)) == (status, code)
    assert set(store.names("batches")) <= before


@pytest.mark.parametrize("path", ["", "/results", "/errors", "/events"])
@pytest.mark.parametrize("id", ["nonsense", "01a20707-a62a-767f-a222-f792b4c9d32e"])
def test_an_unknown_batch_is_said_to_be_so(idle: Files, path: str, id: str) -> None:
    client, _ = idle
    assert problem(client.get(f"/v1/batches/{id}{path}")) == (404, "unknown-batch")


def test_results_that_the_store_has_lost_are_gone_and_those_whose_folder_is_away_may_come_back(files: Files) -> None:
    client, store = files
    batch = score(client, HEADER + csv_row(id="p") + csv_row(id="q", age=1), CSV)
    for kind in ("results", "errors"):
        folder, place = f"batches/{batch['id']}/{kind}", batch["links"][kind]
        store.delete(folder)
        assert problem(client.get(place)) == (503, "store-unavailable")
        store.write(f"{folder}/other", b"x")
        assert problem(client.get(place)) == (410, "lost-results")
