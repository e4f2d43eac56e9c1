"""The pages where keys are asked for: a visitor enters one, works, sees their own work alone, and leaves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from core.ledger.key import Scope
from tests.browser.house import House, open_house
from tests.browser.test_pages import BULK, PHONE, fault_of, make_csv, upload
from tests.browser.watch import Watch

REFUSED = "Failed to load resource: the server responded with a status of 40"

pytestmark = pytest.mark.usefixtures("watch")


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that asks for keys, with a worker for files."""
    assert browser.is_connected()
    with open_house(tmp_path_factory.mktemp("keyed"), SCORELINE_API_KEYS="required") as house, house.worker(*BULK):
        yield house


@pytest.fixture(scope="module")
def keyed(house: House) -> Keyed:
    """Who makes keys for the house."""
    return Keyed(house.url, house.redis_url, Path())


@pytest.fixture(scope="module")
def key(keyed: Keyed) -> str:
    """A key with the usual scopes."""
    return keyed.make_key()


def enter(page: Page, key: str) -> None:
    """Enter the key in the form that is shown."""
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Enter").click()


def test_a_visitor_enters_a_key_scores_sends_a_file_and_leaves(
    page: Page, watch: Watch, keyed: Keyed, key: str
) -> None:
    watch.expect(REFUSED)
    page.goto("/jobs?state=succeeded")
    page.wait_for_url("**/enter?next=*")
    enter(page, key[:-1] + ("0" if key[-1] != "0" else "1"))
    expect(page.get_by_role("alert").first).to_contain_text("is not valid")
    enter(page, key)
    page.wait_for_url("**/jobs?state=succeeded")

    page.goto("/?sample=true")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_role("heading", name="Risk of heart disease")).to_be_focused()
    upload(page, make_csv(30))
    page.wait_for_url("**/batches/*")
    expect(page.locator("#batch .badge")).to_have_text("succeeded")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV for a spreadsheet").click()
    assert len(Path(download.value.path()).read_bytes().splitlines()) == 31
    batch = page.url
    page.goto("/jobs")
    expect(page.locator("tbody tr")).to_have_count(1)

    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert key not in cookie["value"]
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url("**/enter")
    assert page.context.cookies() == []
    page.goto(batch)
    enter(page, keyed.make_key())
    expect(page.locator("main")).to_contain_text("There is no batch with this id")
    kept = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    assert httpx2.get(f"{keyed.url}/v1/jobs", headers=kept).status_code == 401  # ended, and not only forgotten


def test_a_session_ends_with_its_key(page: Page, keyed: Keyed) -> None:
    key = keyed.make_key()
    page.goto("/jobs")
    enter(page, key)
    page.wait_for_url("**/jobs")
    keyed.revoke(key)
    wait_until(lambda: "/enter" in (page.reload(), page.url)[1], within_s=5, what="the session to be refused")


def test_a_page_that_a_key_does_not_allow_is_told_in_words(page: Page, watch: Watch, keyed: Keyed) -> None:
    watch.expect(REFUSED)
    page.goto("/")
    enter(page, keyed.make_key([Scope.READ]))
    page.wait_for_url(f"{keyed.url}/")
    page.get_by_role("button", name="Fill in a sample patient").click()
    page.get_by_label("Age years").fill("63")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.locator("#problem")).to_contain_text("This needs the scope `score`")
    expect(page.get_by_label("Age years")).to_have_value("63")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_door_keeps_out_no_one_who_has_a_key(browser: Browser, house: House, scheme: Any) -> None:
    context = browser.new_context(base_url=house.url, color_scheme=scheme, viewport={"width": PHONE, "height": 700})
    page = context.new_page()
    page.goto("/enter?next=/jobs")
    assert fault_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    context.close()
