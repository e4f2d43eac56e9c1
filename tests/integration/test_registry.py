"""The registry: what is released is what is fetched, whole and by its hash, or else nothing is changed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.local.programs import ROOT
from core.errors import BrokenBundle
from models.bundle import FILES, read_card
from models.card import CARD_FILE, MODEL_FILE
from models.probes import PROBES_FILE
from models.registry import ALIAS, NAME, Mlflow, NoMlflow, fetch, hash_tag
from tests.fake_mlflow import FakeMlflow, fake_mlflow
from training.documents.pages import CHAMPION
from training.study.results import Study
from training.tracking import log_study, register, track

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def mlflow() -> Iterator[FakeMlflow]:
    """A stand-in for MLflow, empty."""
    with fake_mlflow() as fake:
        yield fake


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a bundle in it that must not be harmed."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / MODEL_FILE).write_bytes(b"old model")
    (folder / CARD_FILE).write_bytes(b"old card")
    return folder


def python(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run one of our commands to its end."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)


def test_what_is_registered_is_fetched_byte_for_byte(mlflow: FakeMlflow, old: Path) -> None:
    card = read_card(CHAMPION)
    assert register(Mlflow(mlflow.url), card, CHAMPION) == "1"
    done = python("models", "fetch", "--alias", ALIAS, "--out", str(old), MLFLOW_TRACKING_URI=mlflow.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert card.version in done.stdout
    for name in FILES:
        assert (old / name).read_bytes() == (CHAMPION / name).read_bytes()
    assert sorted(path.name for path in old.parent.iterdir()) == ["bundle"]


def test_a_release_is_a_run_a_version_and_an_alias(mlflow: FakeMlflow) -> None:
    card, server = read_card(CHAMPION), Mlflow(mlflow.url)
    versions = [register(server, card, CHAMPION), register(server, card, CHAMPION, alias=None)]
    assert versions == ["1", "2"]
    assert mlflow.aliases == {ALIAS: "1"}
    assert (mlflow.models, mlflow.experiments) == ([NAME], ["scoreline"])
    metrics = {metric["key"]: metric["value"] for metric in mlflow.runs[0]["metrics"]}
    assert metrics["roc_auc"] == card.metrics["roc_auc"].value
    assert mlflow.runs[0]["status"] == "FINISHED"
    assert b"loader_module: mlflow.onnx" in mlflow.artifacts["1/1/artifacts/model/MLmodel"]


def test_the_study_is_a_run_for_each_candidate_and_one_for_all(mlflow: FakeMlflow) -> None:
    study = Study.read()
    log_study(Mlflow(mlflow.url), study)
    assert [run["run_name"] for run in mlflow.runs] == [*(f"candidate {name}" for name in study.results), "study"]
    assert Study.model_validate_json(mlflow.artifacts[f"1/{len(mlflow.runs)}/artifacts/study.json"]) == study


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        (MODEL_FILE, (CHAMPION / MODEL_FILE).read_bytes()[:-9], "model.onnx of scoreline version 1 .* not the one"),
        (CARD_FILE, b"{}", "card.json of scoreline version 1 .* not the one"),
        (PROBES_FILE, b"{}", "probes.json of scoreline version 1 .* not the one"),
        (CARD_FILE, None, "answers 404"),
    ],
)
def test_a_bundle_that_is_not_whole_is_refused_and_the_old_one_stays(
    file: str, content: bytes | None, sentence: str, mlflow: FakeMlflow, old: Path
) -> None:
    register(Mlflow(mlflow.url), read_card(CHAMPION), CHAMPION)
    path = f"1/1/artifacts/model/{file}"
    if content is None:
        del mlflow.artifacts[path]
    else:
        mlflow.artifacts[path] = content
    with pytest.raises((BrokenBundle, NoMlflow), match=sentence):
        fetch(Mlflow(mlflow.url), old)
    assert [(old / name).read_bytes() for name in (MODEL_FILE, CARD_FILE)] == [b"old model", b"old card"]


def test_a_bundle_that_was_registered_broken_is_refused(mlflow: FakeMlflow, old: Path, tmp_path: Path) -> None:
    """Its files are those that were registered, but do not belong together."""
    broken = Path(shutil.copytree(CHAMPION, tmp_path / "broken"))
    (broken / MODEL_FILE).write_bytes(b"another model")
    register(Mlflow(mlflow.url), read_card(CHAMPION), broken)
    with pytest.raises(BrokenBundle, match="half-written or damaged"):
        fetch(Mlflow(mlflow.url), old)
    assert (old / MODEL_FILE).read_bytes() == b"old model"


def test_a_bundle_that_was_registered_without_probes_is_refused(mlflow: FakeMlflow, old: Path) -> None:
    register(Mlflow(mlflow.url), read_card(CHAMPION), CHAMPION)
    tags = mlflow.versions[-1]["tags"]
    tags[:] = [tag for tag in tags if tag["key"] != hash_tag(PROBES_FILE)]
    with pytest.raises(BrokenBundle, match=r"probes.json of scoreline version 1 in MLflow was not registered with it"):
        fetch(Mlflow(mlflow.url), old)
    assert (old / MODEL_FILE).read_bytes() == b"old model"


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        (NOBODY, "does not answer (ConnectError): start it with `make mlflow`"),
        ("sqlite:///mlflow.db", "must be the http:// or https:// URL of a server"),
    ],
)
def test_without_mlflow_training_goes_on_and_fetching_says_what_to_do(
    uri: str, sentence: str, old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    track(lambda _: pytest.fail("there is nothing to log to"))
    assert sentence in capsys.readouterr().err
    done = python("models", "fetch", "--out", str(old))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert (old / MODEL_FILE).read_bytes() == b"old model"


def test_an_alias_that_there_is_not_is_told_of(mlflow: FakeMlflow, old: Path) -> None:
    register(Mlflow(mlflow.url), read_card(CHAMPION), CHAMPION)
    with pytest.raises(NoMlflow, match=r"answers 400 to .*registered-models/alias.*alias not found"):
        fetch(Mlflow(mlflow.url), old, alias="challenger")
