"""One house and one browser for each file of tests; each test has a page of its own, and ends with no complaint."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MISSING, chromium, is_missing
from tests.browser.house import House, open_house
from tests.browser.watch import Watch

PATIENCE_MS = 30_000


# For a module, not for the session: as long as Playwright runs, no other test of the process can run asyncio.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; skips the test where there is none, but fails it where `CI` is set."""
    if is_missing():
        pytest.skip(MISSING)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that is ready, without a worker for files; built where there is a browser to look at it."""
    assert browser.is_connected()
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def page(browser: Browser, house: House) -> Iterator[Page]:
    """A page of a browser that has seen nothing yet."""
    context = browser.new_context(base_url=house.url, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield page
    context.close()


@pytest.fixture
def watch(page: Page, house: House) -> Iterator[Watch]:
    """What the page asks for, of no one else, and complains of, which is nothing that was not expected."""
    watch = Watch(page, house.url)
    yield watch
    assert watch.strangers == []
    assert watch.complaints == []
