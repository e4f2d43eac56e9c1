"""A promoted bundle is taken up between batches, without a restart; a broken one is not."""

import json
import shutil
from pathlib import Path

import httpx2
import pytest

from contract.patient import EXAMPLE
from contract.settings import Settings
from models.card import CARD_FILE, MODEL_FILE
from models.scorer import read_card
from tests.servers import ROOT, service
from tests.waiting import wait_until

CHAMPION = ROOT / Settings().bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the released bundle."""
    return shutil.copytree(CHAMPION, tmp_path / "bundle")


def promote(bundle: Path, version: str) -> None:
    """Put the released model into the folder under another version, as a release does it: each file whole."""
    card = json.loads((CHAMPION / CARD_FILE).read_text()) | {"version": version}
    (bundle / "new").write_bytes((CHAMPION / MODEL_FILE).read_bytes())
    (bundle / "new").replace(bundle / MODEL_FILE)
    (bundle / "new").write_text(json.dumps(card))
    (bundle / "new").replace(bundle / CARD_FILE)


def test_scores_name_the_promoted_version_and_a_broken_one_never_serves(tmp_path: Path, bundle: Path) -> None:
    log = tmp_path / "run.log"
    with service(tmp_path, SCORELINE_BUNDLE=str(bundle), SCORELINE_WORKER_PROCESSES="1") as url:

        def version() -> str:
            answer = httpx2.post(f"{url}/api/prediction", json=EXAMPLE)
            return str(answer.raise_for_status().json()["model_version"])

        assert version() == read_card(CHAMPION).version
        promote(bundle, "2.0.0+promoted")
        assert version() == "2.0.0+promoted"
        (bundle / MODEL_FILE).write_bytes((CHAMPION / MODEL_FILE).read_bytes()[:100])
        assert [version() for _ in range(3)] == ["2.0.0+promoted"] * 3
        wait_until(lambda: "is refused, model 2.0.0+promoted goes on" in log.read_text(), within_s=10, what="the log")
        assert log.read_text().count("half-written or damaged") == 1
        shutil.rmtree(bundle)
        assert version() == "2.0.0+promoted"
        bundle.mkdir()
        promote(bundle, "3.0.0+mended")
        assert version() == "3.0.0+mended"
