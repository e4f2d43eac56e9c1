"""The pages as people use them: by mouse, by keyboard, on a phone, in the dark, and while the gateway restarts."""

import csv
import io
from pathlib import Path
from typing import Any

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from api.pages.site import FOLDER
from core.schema.patient import COLUMNS, EXAMPLE
from tests.browser.house import House
from tests.browser.watch import Watch

ROWS = 20_000
FIRST_PAGE_BYTES, FIRST_PAGE_REQUESTS = 150_000, 5
SERIOUS = ("serious", "critical")
BULK = ("run", "--queue", "bulk")
PHONE = 360  # pixels wide
PAGES = ["/", "/?sample=true", "/jobs", "/jobs?state=failed", "/batches", "/model", "/drift", "/system", "/nothing"]

# The browser's own words, and those of htmx, for what happens here on purpose.
ON_REFUSAL = ("Failed to load resource: the server responded with a status of 422",)
WHILE_AWAY = ("Failed to load resource: net::ERR_", "[object Event]", "htmx:sendError", "htmx:afterRequest")

pytestmark = pytest.mark.usefixtures("watch")


def make_csv(rows: int, **cells: object) -> bytes:
    """Return a CSV of so many example patients, in the last of which some cells stand as they are given."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS)
    table.writeheader()
    table.writerows([EXAMPLE] * (rows - 1) + [EXAMPLE | cells])
    return text.getvalue().encode()


def upload(page: Page, content: bytes, name: str = "patients.csv") -> None:
    """Choose a file of this content on the first page, and send it."""
    page.goto("/")
    page.get_by_label("Drop a file here, or choose one").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="Upload and score").click()


def fault_of(page: Page) -> list[str]:
    """Return what axe-core finds that keeps people from using the page."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in SERIOUS]


def test_a_form_that_is_filled_in_shows_a_risk_and_what_makes_it(page: Page, house: House) -> None:
    page.goto("/")
    page.get_by_role("button", name="Fill in a sample patient").click()
    page.get_by_label("Age years").fill("63")
    page.get_by_label("male", exact=True).check()
    page.get_by_label("Chest pain").select_option("asymptomatic")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_role("heading", name="Risk of heart disease")).to_be_focused()
    patient = EXAMPLE | {"age": 63, "sex": 1, "cp": 0}
    score = httpx2.post(f"{house.url}/api/prediction?explain=true", json=patient).json()
    answer = page.locator("article.answer")
    expect(answer).to_contain_text(f"{100 * score['risk']:.1f}\N{NO-BREAK SPACE}%")
    expect(answer).to_contain_text(score["model_version"])
    drawn = answer.locator("tbody tr")
    assert drawn.count() == sum(value != 0 for value in score["explanation"]["contributions"].values())
    assert page.url == f"{house.url}/?sample=true"  # nothing of what was entered
    expect(page.get_by_label("Age years")).to_have_value("63")


def test_what_is_wrong_stands_beside_its_field_and_what_was_entered_stays(page: Page, watch: Watch) -> None:
    watch.expect(*ON_REFUSAL)
    page.goto("/?sample=true")
    page.get_by_label("Systolic blood pressure at rest").fill("17.25")
    page.get_by_label("Thallium stress test").select_option("reversible")
    page.get_by_role("button", name="Score", exact=True).press("Enter")
    field = page.get_by_label("Systolic blood pressure at rest")
    expect(field).to_be_focused()
    expect(field).to_have_value("17.25")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "Systolic blood pressure at rest must be a number from 60 to 260 mmHg; looks like kPa: 1 kPa is 7.50062 mmHg. "
        "On admission"
    )
    expect(page.get_by_label("Thallium stress test")).to_have_value("reversible")
    assert fault_of(page) == []


def test_a_file_is_sent_and_scored_before_ones_eyes_though_the_gateway_restarts(
    page: Page, house: House, watch: Watch
) -> None:
    watch.expect(*WHILE_AWAY)
    upload(page, make_csv(ROWS))
    page.wait_for_url("**/batches/*")
    expect(page.get_by_label("Sent")).to_have_js_property("value", 1)
    expect(page.get_by_label("Scored")).to_have_js_property("position", 0)
    house.shut()
    house.open()
    with house.worker(*BULK):
        expect(page.locator("#batch .badge")).to_have_text("succeeded")
    expect(page.get_by_label("Scored")).to_have_js_property("position", 1)
    expect(page.locator("#batch")).to_contain_text(f"{ROWS:,} rows")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV for a spreadsheet").click()
    assert len(Path(download.value.path()).read_bytes().splitlines()) == ROWS + 1
    page.get_by_text("Delete…").click()
    page.get_by_role("button", name="Delete the batch").click()
    page.wait_for_url("**/batches")


def test_a_bad_row_is_named_by_its_line_and_its_reason(page: Page, house: House) -> None:
    with house.worker(*BULK):
        upload(page, make_csv(30, age=12.25))
        expect(page.get_by_role("row", name="31 age must be a number from 18 to 110 years")).to_be_visible()
    assert "12.25" not in page.content()
    expect(page.locator("#ended")).to_have_text("The batch has succeeded: 29 rows scored, 1 rejected.")
    assert fault_of(page) == []


def test_a_batch_is_canceled_only_after_a_question(page: Page) -> None:
    upload(page, make_csv(3))
    page.wait_for_url("**/batches/*")
    page.get_by_text("Cancel…").press("Enter")
    assert fault_of(page) == []
    page.get_by_role("button", name="Cancel the batch").press("Enter")
    expect(page.locator("#batch .badge")).to_have_text("canceled")


@pytest.mark.parametrize("content", [b"age,sex\n40,1\n", b"age,sex\n" + 2_000_000 * b"40,1\n"], ids=["small", "large"])
def test_a_file_that_is_refused_is_told_in_words(page: Page, watch: Watch, content: bytes) -> None:
    watch.expect(*ON_REFUSAL)
    upload(page, content)
    expect(page.locator("#refused")).to_contain_text("The file cannot be scored as it is")
    expect(page.locator("#refused")).to_contain_text("cp")
    expect(page.get_by_label("Sent")).to_be_hidden()


def test_a_gateway_that_is_away_is_told_in_words(page: Page, house: House, watch: Watch) -> None:
    watch.expect(*WHILE_AWAY)
    page.goto("/?sample=true")
    house.shut()
    try:
        page.get_by_role("button", name="Score", exact=True).click()
        expect(page.locator("#connection")).to_contain_text("The gateway does not answer.")
    finally:
        house.open()


def test_the_first_page_is_small(page: Page, watch: Watch) -> None:
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert len(watch.answers) <= FIRST_PAGE_REQUESTS
    assert sum(len(answer.body()) for answer in watch.answers) <= FIRST_PAGE_BYTES


def test_the_sample_file_is_scored_without_a_fault(page: Page, house: House) -> None:
    with house.worker(*BULK):
        upload(page, (FOLDER / "sample.csv").read_bytes())
        expect(page.locator("#ended")).to_have_text("The batch has succeeded: 10 rows scored, 0 rejected.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_keeps_anyone_from_using_it(browser: Browser, house: House, scheme: Any) -> None:
    with browser.new_context(
        base_url=house.url, color_scheme=scheme, viewport={"width": PHONE, "height": 700}
    ) as phone:
        page = phone.new_page()
        for path in PAGES:
            page.goto(path)
            assert fault_of(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE, path
