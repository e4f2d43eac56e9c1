"""The pages over a real socket, without a browser: what they say, and that they keep nothing to themselves."""

import re
from collections.abc import Iterator
from hashlib import sha256
from html import unescape

import httpx2
import pytest

from api.pages.patient_form import make_example
from api.pages.site import FOLDER, list_vendored
from core.ledger.memory.ledger import MemoryLedger
from core.schema.field import Category
from core.schema.patient import COLUMNS, EXAMPLE, fields_of_patient
from core.settings import Settings
from tests.ledgers import Clock
from tests.listening import gateway_over

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
UNKNOWN = "01890000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def alone() -> Iterator[httpx2.Client]:
    """A browser's client of a gateway whose jobs nobody scores, and which takes no files and knows no model."""
    settings = Settings(prediction_wait_s=0.1)
    ledger = MemoryLedger(settings, Clock())
    with gateway_over(ledger, settings) as (url, _), httpx2.Client(base_url=url, timeout=30, headers=BROWSER) as client:
        yield client


def text_of(answer: httpx2.Response) -> str:
    """Return what the page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def test_the_form_has_an_input_for_each_field_with_its_unit_its_bounds_and_its_codes(alone: httpx2.Client) -> None:
    page = alone.get("/").text
    for name, field in fields_of_patient().items():
        assert f'name="{name}"' in page
        if isinstance(field, Category):
            assert all(f">{code}<" in page or f'value="{code}"' in page for code in field.names.values())
        else:
            assert f'min="{field.hard[0]:g}" max="{field.hard[1]:g}"' in page
            assert f'<span class="unit">{field.unit}</span>' in page


def test_a_patient_that_is_entered_is_scored_as_one_that_is_sent(client: httpx2.Client) -> None:
    answer = client.post("/", data=dict(make_example()))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    sent = client.post("/api/prediction", json=EXAMPLE).json()
    said = text_of(answer)
    assert f"{100 * sent['risk']:.1f} %" in said
    assert "Disease is ruled out." in said
    assert sent["model_version"] in said


def test_a_risk_where_the_model_extrapolates_warns(client: httpx2.Client) -> None:
    assert "extrapolating: age" in text_of(client.post("/", data={**make_example(), "age": "95"}))


def test_what_is_missing_is_named_beside_its_field_and_the_first_is_given_the_focus(alone: httpx2.Client) -> None:
    answer = alone.post("/", data={**make_example(), "age": "", "trestbps": "17.25", "cp": "<b>"})
    assert answer.status_code == 422
    assert "Age must be given." in text_of(answer)
    assert "Chest pain must be one of" in text_of(answer)
    assert re.search(r'id="age"[^>]*aria-describedby="age-error"[^>]*aria-invalid="true"[^>]*autofocus', answer.text)
    assert answer.text.count("autofocus") == 1
    assert 'value="17.25"' in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize("field", ["ca", "thal", "chol"])
def test_what_may_be_unknown_may_be_left_empty(client: httpx2.Client, field: str) -> None:
    assert client.post("/", data={**make_example(), field: ""}).status_code == 200


def test_a_patient_is_in_no_address_and_a_form_of_another_site_is_refused(alone: httpx2.Client) -> None:
    assert 'method="post" action="/"' in alone.get("/?sample=true").text
    for site in ("cross-site", "same-site"):
        answer = alone.post("/", data=dict(make_example()), headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert "sent by a page of another site" in text_of(answer)
    assert alone.post(f"/jobs/{UNKNOWN}/erase", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 404


def test_a_job_that_is_not_scored_in_time_is_not_lost(alone: httpx2.Client) -> None:
    answer = alone.post("/", data=dict(make_example()))
    assert "Accepted, and not scored yet" in text_of(answer)
    job = re.findall(r'href="/jobs/([0-9a-f-]*)"', answer.text)[0]
    assert job in alone.get("/jobs").text
    page = text_of(alone.get(f"/jobs/{job}"))
    assert "It waits for a worker" in page
    assert "see how the system is" in page
    canceled = alone.post(f"/jobs/{job}/cancel", follow_redirects=False)
    assert (canceled.status_code, canceled.headers["location"]) == (303, f"/jobs/{job}")
    assert "canceled" in text_of(alone.get(f"/jobs/{job}"))
    assert alone.post(f"/jobs/{job}/cancel", follow_redirects=False).status_code == 303  # as often as one likes
    erased = alone.post(f"/jobs/{job}/erase", headers={"HX-Request": "true"})
    assert (erased.status_code, erased.headers["hx-redirect"]) == (204, "/jobs")
    assert alone.get(f"/jobs/{job}").status_code == 404


def test_a_list_has_filters_and_pages(alone: httpx2.Client) -> None:
    ids = [alone.post("/v1/jobs", json=EXAMPLE).json()["id"] for _ in range(25)]
    first = alone.get("/jobs?state=queued").text
    assert [id in first for id in ids] == [False] * 5 + [True] * 20
    older = re.search(r'href="(/jobs\?state=queued&amp;after=[^"]*)"', first)
    assert older
    assert ids[0] in alone.get(unescape(older[1])).text
    assert "No job is expired" in alone.get("/jobs?state=expired").text


def test_many_scores_are_a_table(client: httpx2.Client) -> None:
    job = client.post("/v1/jobs", json={"patients": [EXAMPLE] * 60}, headers={"Prefer": "wait=10"}).json()["id"]
    page = client.get(f"/jobs/{job}")
    assert "The first 50 of 60 patients" in text_of(page)
    assert page.text.count('<th scope="row"') == 50


def test_the_events_of_a_page_are_pieces_of_it(client: httpx2.Client) -> None:
    job = client.post("/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=10"}).json()["id"]
    told = client.get(f"/jobs/{job}/live").text
    assert re.findall(r"^event: (.*)$", told, re.MULTILINE) == ["progress", "end"]
    assert 'data: <p><span class="badge succeeded">succeeded</span>' in told


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nothing", 404, "There is nothing at this address"),
        (f"/jobs/{UNKNOWN}", 404, "There is no job with this id"),
        ("/jobs?state=lost", 422, "state is not what /docs says it must be"),
    ],
)
def test_a_problem_is_told_in_words_to_who_looks_at_pages(
    alone: httpx2.Client, path: str, status: int, words: str
) -> None:
    page = alone.get(path)
    assert page.status_code == status
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert words in text_of(page)
    assert alone.get(path, headers={"Accept": "*/*"}).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", [f"/v1/jobs/{UNKNOWN}", "/v1", "/api/nothing", "/health/nothing"])
def test_a_program_s_address_answers_a_program_s_problem(alone: httpx2.Client, path: str) -> None:
    assert alone.get(path).headers["content-type"] == "application/problem+json"


def test_a_gateway_shows_only_the_pages_that_it_has(alone: httpx2.Client, client: httpx2.Client) -> None:
    assert 'href="/batches"' not in alone.get("/").text
    assert 'href="/batches"' in client.get("/").text


def test_the_system_is_well_where_jobs_are_scored_and_not_where_nobody_scores(
    alone: httpx2.Client, client: httpx2.Client
) -> None:
    assert "All is well." in text_of(client.get("/system"))
    said = text_of(alone.get("/system"))
    assert "Something is wrong." in said
    assert "See whether a worker runs" in said


def test_the_model_is_shown_with_its_limits(client: httpx2.Client) -> None:
    said = text_of(client.get("/model"))
    card = client.get("/v1/model").json()
    assert card["version"] in said
    for limit in card["limits"]:
        assert limit in said


def test_a_page_runs_and_loads_nothing_but_our_own_files(client: httpx2.Client) -> None:
    for path in ("/", "/?sample=true", "/jobs", "/batches", "/model", "/drift", "/system"):
        page = client.get(path)
        assert "'unsafe" not in page.headers["content-security-policy"]
        assert re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son[a-z]+=|hx-on", page.text) is None, path
        for link in re.findall(r'(?:src|href)="(/static/[^"]*)"', page.text):
            file = client.get(link)
            assert file.status_code == 200
            assert "immutable" in file.headers["cache-control"]
    assert client.get("/static/0123456789ab/htmx.min.js").status_code == 404


@pytest.mark.parametrize("name", list_vendored())
def test_a_file_that_is_not_ours_is_the_one_that_npm_serves(name: str) -> None:
    assert sha256((FOLDER / name).read_bytes()).hexdigest() == list_vendored()[name]["sha256"]


def test_the_sample_file_names_every_field() -> None:
    assert set(COLUMNS) < set((FOLDER / "sample.csv").read_text().splitlines()[0].split(","))
