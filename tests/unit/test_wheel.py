"""The client's wheel works in an environment that has no checkout."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from bench.local.programs import CLIENT, free_port
from tests.commands import environment

WITHOUT_EXTRA = "import sys; sys.modules['typer'] = None; from scoreline_client.cli.__main__ import main; main()"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=CLIENT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where nothing of ours but the wheel's is found first."""
    variables = environment(PYTHONPATH=str(installed))
    return subprocess.run([sys.executable, *arguments], cwd=installed, env=variables, capture_output=True, text=True)


def test_the_wheel_holds_the_client_its_command_line_and_nothing_else(installed: Path) -> None:
    folders = {path.name for path in installed.iterdir() if path.is_dir()}
    assert folders == {"scoreline_client", "scoreline_client-0.1.0.dist-info"}
    (about,) = installed.glob("*.dist-info")
    assert "scoreline = scoreline_client.cli.__main__:main" in (about / "entry_points.txt").read_text()
    assert "Provides-Extra: cli" in (about / "METADATA").read_text()


def test_it_describes_a_patient_without_a_service(installed: Path) -> None:
    said = run(installed, "-m", "scoreline_client.cli", "score", "--help")
    assert said.returncode == 0, said.stderr
    assert "trestbps  60 to 260 mmHg\n" in said.stdout
    assert "thal      fixed (1), normal (2), reversible (3), or null\n" in said.stdout


def test_what_is_the_checkouts_says_that_it_needs_one(installed: Path) -> None:
    up = run(installed, "-m", "scoreline_client.cli", "up")
    assert (up.returncode, up.stdout) == (2, "")
    assert "get its checkout, then run `make up` there" in up.stderr
    doctor = run(installed, "-m", "scoreline_client.cli", "doctor", "--url", f"http://127.0.0.1:{free_port()}")
    assert doctor.returncode == 1
    assert "nothing answers" in doctor.stdout
    assert "from the checkout alone: there, by `python -m stack doctor`\n" in doctor.stderr


def test_without_its_extra_the_command_says_what_to_install(installed: Path) -> None:
    said = run(installed, "-c", WITHOUT_EXTRA)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.endswith("install scoreline-client[cli].\n")
