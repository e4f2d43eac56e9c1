"""A real browser: the machine's own Chromium, which calls no one but the service under test."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
MISSING = "there is no chromium on the PATH: install Debian's package, as .ci/run does"


def is_missing() -> bool:
    """Whether there is no browser here, and need not be: where `CI` is set there must be one."""
    return shutil.which("chromium") is None and "CI" not in os.environ


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a window."""
    path = shutil.which("chromium")
    assert path, MISSING
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        try:
            yield browser
        finally:
            browser.close()
