"""Nothing that a client sends comes back in an answer, a log or a metric, but for what is declared here.

Who mixes up names and values, or loses line ends on the way, sends a patient's values in the place of names.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.batches.options import RULES
from bench.local.conditions import wait_until
from core.ledger.batch import SCORE_COLUMNS
from core.schema.patient import COLUMNS, EXAMPLE
from tests.hostile.house import House, housed

CANARY = "Kanari7nGelb"
"""What is sent in the place of names, and looked for."""

NEEDLES = (CANARY.lower().encode(), quote(CANARY).lower().encode())
WRITTEN = st.sampled_from(
    [CANARY, f" {CANARY}", CANARY.upper(), f"{CANARY}é", f'"{CANARY}"', f"age{CANARY}", f"{CANARY}\t"]
)
NAMES = st.sampled_from([*COLUMNS, *SCORE_COLUMNS, "patients", "Age", ""]) | WRITTEN
VALUES: st.SearchStrategy[Any] = st.recursive(
    WRITTEN | st.integers(0, 200) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=4,
)
PATIENTS = st.dictionaries(NAMES, VALUES, max_size=4).map(lambda changes: EXAMPLE | changes) | VALUES
BODIES = (
    st.builds(json.dumps, PATIENTS | st.fixed_dictionaries({"patients": st.lists(PATIENTS, max_size=3) | VALUES}))
    | st.builds(lambda patient, at: json.dumps(patient)[:at], PATIENTS, st.integers(0, 300))
    | WRITTEN
)
CELLS = NAMES | st.integers(0, 200).map(str) | st.just('"') | st.just("a\nb")
ROWS = st.lists(CELLS, max_size=18)
HEADERS = st.builds(lambda more, lacking: [*(name for name in COLUMNS if name != lacking), *more], ROWS, NAMES) | ROWS
TABLES = st.builds(
    lambda header, rows, mark, ending: ending.join(mark.join(row) for row in [header, *rows]),
    HEADERS,
    st.lists(ROWS, max_size=3),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "", "\r"]),
)
LINES = st.lists(BODIES, max_size=4).map("\n".join) | st.lists(BODIES, max_size=3).map("".join)
OPTIONS = st.dictionaries(st.sampled_from([*RULES, "on_eror"]) | WRITTEN, WRITTEN | st.just("ids"), max_size=2)
FILES = st.tuples(st.just("text/csv"), TABLES) | st.tuples(st.just("application/x-ndjson"), LINES)
ASKED = st.dictionaries(st.sampled_from(["explain", "limit", "state", "after", "hours", "format"]) | WRITTEN, WRITTEN)
PATHS = st.sampled_from(
    ["/v1/jobs", "/v1/batches", "/v1/model", "/v1/drift", "/v1/jobs/", "/jobs", "/batches", "/drift", "/", "/system"]
    + [f"{path}/01a20707-a656-735e-87cb-2feb51005d0d" for path in ("/v1/jobs", "/v1/batches", "/jobs", "/v1/model")]
)
CURL_D = ",".join(COLUMNS) + ",name" + f"63,1,3,145,233,1,0,150,0,2.3,0,0,1,{CANARY}" * 2
"""A file as `curl -d @file` sends it."""


class Watched(NamedTuple):
    """A service, and the folder of its logs."""

    house: House
    folder: Path


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The service, of which nothing that it has shown or written holds the canary in the end."""
    folder = tmp_path_factory.mktemp("echo")
    with housed(folder) as house:
        assert house.still_scores()
        yield Watched(house, folder)
        for log in folder.glob("*.log"):
            assert not holds(log.read_bytes()), log
        for program, url in house.metrics.items():
            assert not holds(httpx2.get(f"{url}/metrics").content), program


def holds(text: bytes) -> bool:
    """Whether the canary is in it, be it in other letters."""
    return any(needle in text.lower() for needle in NEEDLES)


def check(answer: httpx2.Response) -> httpx2.Response:
    """Return the answer. Raises AssertionError if it repeats the canary, or is no fault of the client's."""
    assert not holds(answer.content), answer.text
    assert not holds(b"\n".join(b"%b: %b" % header for header in answer.headers.raw)), answer.headers
    assert answer.status_code < 500 or answer.status_code == 503  # of what no worker has said yet
    return answer


@given(BODIES, st.sampled_from(["/v1/jobs", "/api/prediction"]))
@example(json.dumps(EXAMPLE | {CANARY: 1}), "/v1/jobs")
@example(json.dumps({"patients": [EXAMPLE], CANARY: 1}), "/v1/jobs")
@example(json.dumps(dict.fromkeys((f"{CANARY}{number}" for number in range(100)), 1)), "/v1/jobs")
def test_a_body_s_names_and_values_are_not_repeated(watched: Watched, body: str, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    check(httpx2.post(f"{watched.house.url}{path}", content=body.encode(), headers=headers, timeout=30))


@given(FILES, OPTIONS)
@example(("text/csv", CURL_D), {})
@example(("text/csv", CURL_D + "\n1\n"), {})
@example(("text/csv", ",".join([*COLUMNS, CANARY, CANARY]) + "\n"), {})
@example(("text/csv", ",".join(COLUMNS) + "\n"), {"id_column": CANARY})
@example(("text/csv", ",".join(EXAMPLE) + "\n" + ",".join(map(str, EXAMPLE.values()))), {"model_version": CANARY})
@example(("application/x-ndjson", json.dumps(EXAMPLE)), {"model_version": CANARY})
@example(("application/x-ndjson", json.dumps(EXAMPLE) * 2), {"join": "ids", "id_column": CANARY})
@example(("application/x-ndjson", json.dumps(EXAMPLE)), {"join": "ids", "id_column": CANARY})
def test_a_file_s_text_and_what_is_asked_of_it_are_not_repeated(
    watched: Watched, file: tuple[str, str], options: dict[str, str]
) -> None:
    url, (media_type, text) = watched.house.url, file
    answer = httpx2.post(
        f"{url}/v1/batches", params=options, content=text.encode(), headers={"Content-Type": media_type}, timeout=30
    )
    if check(answer).status_code == 202:
        look_at_batch(url, answer.json()["id"])


@given(st.dictionaries(WRITTEN | st.sampled_from([*RULES, "file"]), WRITTEN, max_size=2), WRITTEN, FILES)
def test_a_form_s_names_and_values_are_not_repeated(
    watched: Watched, fields: dict[str, str], name: str, file: tuple[str, str]
) -> None:
    url, attached = watched.house.url, {"file": (f"{name}.csv", file[1].encode(), file[0])}
    answer = check(httpx2.post(f"{url}/v1/batches", data=fields, files=attached, timeout=30))
    if answer.status_code == 202:
        look_at_batch(url, answer.json()["id"])


def look_at_batch(url: str, id: str) -> None:
    """Look at all that is told of a batch once it has ended, but for the rows that it gives back."""

    def ended() -> httpx2.Response | None:
        answer = check(httpx2.get(f"{url}/v1/batches/{id}", timeout=30))
        return answer if answer.json()["finished_at"] else None

    wait_until(ended, within_s=60, what="the batch to end")
    for place in (f"/v1/batches/{id}/errors", f"/v1/batches/{id}/events", "/v1/batches"):
        check(httpx2.get(f"{url}{place}", timeout=30))
    for page in (f"/batches/{id}", "/batches", "/system"):
        check(httpx2.get(f"{url}{page}", headers={"Accept": "text/html"}, timeout=30))


@given(PATHS, ASKED, st.sampled_from(["GET", "POST", "DELETE", "PATCH"]), st.sampled_from(["*/*", "text/html"]))
def test_a_query_s_names_and_values_are_not_repeated(
    watched: Watched, path: str, asked: dict[str, str], method: str, accept: str
) -> None:
    check(httpx2.request(method, f"{watched.house.url}{path}", params=asked, headers={"Accept": accept}, timeout=30))


@given(st.dictionaries(WRITTEN, WRITTEN, min_size=1))
def test_what_a_page_s_form_was_not_asked_for_is_not_repeated(watched: Watched, entered: dict[str, str]) -> None:
    """What a visitor enters in a field of the form of a patient is shown there again, to be mended; nothing else is."""
    fields = {name: str(value) for name, value in EXAMPLE.items()} | {"age": "7"}
    answer = check(httpx2.post(f"{watched.house.url}/", data=fields | entered, timeout=30))
    assert answer.status_code == 422


def test_a_job_that_asks_for_a_model_by_a_name_of_its_own_is_told_of_without_it(watched: Watched) -> None:
    url = watched.house.url
    answer = check(httpx2.post(f"{url}/v1/jobs", params={"model_version": CANARY}, json=EXAMPLE))
    place = answer.headers["Location"]

    def ended() -> httpx2.Response | None:
        answer = check(httpx2.get(f"{url}{place}"))
        return answer if answer.json()["finished_at"] else None

    assert wait_until(ended, within_s=30, what="the job to end").json()["error"]["code"] == "model-not-served"
    check(httpx2.get(f"{url}{place}/events"))
    check(httpx2.get(f"{url}{place.removeprefix('/v1')}", headers={"Accept": "text/html"}))
    check(httpx2.post(f"{url}/api/prediction", params={"model_version": CANARY}, json=EXAMPLE))


def test_who_sends_a_file_without_its_line_ends_is_told_how_to_send_it(watched: Watched) -> None:
    answer = httpx2.post(f"{watched.house.url}/v1/batches", content=CURL_D, headers={"Content-Type": "text/csv"})
    [fault] = check(answer).json()["errors"]
    assert (fault["field"], fault["code"]) == ("file", "one_line")
    assert "--data-binary" in fault["message"]
