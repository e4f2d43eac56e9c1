"""A promoted bundle is taken up between batches, without a restart; a broken one is not."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import ROOT, service, start_python, valkey
from core.schema.patient import EXAMPLE
from models.bundle import FILES, read_card
from models.card import MODEL_FILE
from models.probes import PROBES_FILE
from tests import bundles
from tests.bundles import CHAMPION, Spoil, copy_bundle, place_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the released bundle."""
    return copy_bundle(tmp_path / "bundle")


def test_scores_name_the_promoted_version_and_a_broken_one_never_serves(tmp_path: Path, bundle: Path) -> None:
    log = tmp_path / "run.log"
    with service(tmp_path, SCORELINE_BUNDLE=str(bundle), SCORELINE_WORKER_PROCESSES="1") as url:

        def version() -> str:
            answer = httpx2.post(f"{url}/api/prediction", json=EXAMPLE)
            return str(answer.raise_for_status().json()["model_version"])

        def is_taken_up(promoted: str) -> bool:
            return version() == promoted

        assert version() == read_card(CHAMPION).version
        promoted = place_bundle(bundle)
        wait_until(lambda: is_taken_up(promoted), within_s=10, what="the promoted model")
        (bundle / MODEL_FILE).write_bytes((CHAMPION / MODEL_FILE).read_bytes()[:100])
        assert [version() for _ in range(3)] == [promoted] * 3
        wait_until(lambda: f"is refused, model {promoted} goes on" in log.read_text(), within_s=10, what="the log")
        assert log.read_text().count("half-written or damaged") == 1
        shutil.rmtree(bundle)
        assert version() == promoted
        mended = place_bundle(bundle, version="3.0.0")
        wait_until(lambda: is_taken_up(mended), within_s=10, what="the mended model")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (bundles.make_column, "must be float64 of the shape (61,), and is float64 of (61, 1)"),
        (bundles.invert_risk, "from what probes.json has"),
        (bundles.double_risk, "is not always from 0 to 1"),
    ],
)
def test_a_worker_that_starts_with_a_broken_bundle_says_why_and_ends(
    spoil: Spoil, sentence: str, tmp_path: Path, bundle: Path
) -> None:
    place_bundle(bundle, spoil)
    assert_refused(tmp_path, bundle, sentence)


def test_a_worker_that_starts_with_an_older_bundle_says_how_to_give_it_probes(tmp_path: Path, bundle: Path) -> None:
    (bundle / PROBES_FILE).unlink()
    assert_refused(tmp_path, bundle, "`python -m models probe FOLDER` writes it from what the model says now")
    told = subprocess.run([sys.executable, "-m", "models", "probe", str(bundle)], cwd=ROOT, capture_output=True)
    assert (told.returncode, told.stderr) == (0, b"")
    for name in FILES:
        assert (bundle / name).read_bytes() == (CHAMPION / name).read_bytes()


def assert_refused(folder: Path, bundle: Path, sentence: str) -> None:
    """Assert that a worker ends, and that the last line of its log is why."""
    with valkey(folder / "valkey") as redis_url:
        worker = start_python(
            "worker", "run", log=folder / "run.log", SCORELINE_REDIS_URL=redis_url, SCORELINE_BUNDLE=str(bundle)
        )
        assert worker.wait(30) == 1
    last = (folder / "run.log").read_text().splitlines()[-1]
    assert f"The bundle in {bundle} cannot be used. " in last
    assert sentence in last
    assert "Traceback" not in (folder / "run.log").read_text()
