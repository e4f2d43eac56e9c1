"""Makes the pictures of the pages that the documents show: `python -m tests.browser.screens`."""

import subprocess
import sys
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Literal

import httpx2
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from bench.local.programs import ROOT
from core.schema.patient import EXAMPLE
from tests.browser.chromium import chromium
from tests.browser.house import House, open_house
from tests.browser.test_pages import BULK, upload

FOLDER = ROOT / "docs" / "screens"
COLOURS = 64  # of a page there are few more, and a picture is a third as large
DESK, PHONE = 1180, 360
TALLEST = 1600
PATIENTS = 20_000


def main() -> None:
    """Write every picture anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_house(Path(folder)) as house, house.worker(*BULK):
        people_it(house)
        with chromium() as browser:
            shoot(browser, house, "light", DESK, "")
            shoot(browser, house, "dark", DESK, "-dark")
            shoot(browser, house, "light", PHONE, "-phone")


def people_it(house: House) -> None:
    """Have some patients scored, so that the list of jobs has something to show."""
    for patients in (1, 12, 1, 300):
        httpx2.post(f"{house.url}/v1/jobs", json={"patients": [EXAMPLE] * patients}).raise_for_status()


def make_file() -> bytes:
    """Return a CSV of simulated patients, the last of whom is too young."""
    command = [sys.executable, "-m", "producer", "file", "--rows", str(PATIENTS)]
    rows = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    last = rows.splitlines()[-1].split(b",")
    return rows + b",".join([b"last", b"12", *last[2:]]) + b"\n"  # id and age come first


def shoot(browser: Browser, house: House, scheme: Literal["light", "dark"], width: int, suffix: str) -> None:
    """Take a picture of each page at this width."""
    with browser.new_context(
        base_url=house.url, color_scheme=scheme, viewport={"width": width, "height": 800}, locale="en-GB"
    ) as context:
        page = context.new_page()
        page.goto("/?sample=true")
        page.get_by_role("button", name="Score", exact=True).click()
        expect(page.locator("#answer")).to_be_visible()
        keep(page, f"score{suffix}")
        upload(page, make_file())
        expect(page.locator("#ended")).to_contain_text("The batch has succeeded", timeout=30_000)
        keep(page, f"batch{suffix}")
        for name in ("jobs", "model", "drift", "system"):
            page.goto(f"/{name}")
            keep(page, f"{name}{suffix}")


def keep(page: Page, name: str) -> None:
    """Write the picture of a page, in few colours."""
    with suppress(TypeError):  # nothing has the focus
        page.evaluate("document.activeElement.blur()")
    picture = Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")
    small = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
