"""What is installed is what was locked: every lock has hashes, and every install asks for them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.local.programs import ROOT

EXPORTER = ROOT / "monitoring" / "exporter.txt"
APART = [*(ROOT / "bench" / "locks").glob("*.txt"), EXPORTER, ROOT / "training" / "mlflow.txt"]
LOCKS = [*ROOT.glob("requirements*"), *APART]
INSTALLERS = ["Makefile", "Dockerfile", "training/start_mlflow.sh", "bench/services/environments.py", ".ci/run"]
PIN = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")

each_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)


@each_lock
def test_each_line_of_a_lock_is_a_pin_or_one_of_its_hashes(lock: Path) -> None:
    """So that it names no index, and nothing without a hash."""
    lines = lock.read_text().splitlines()
    wrong = [
        line
        for line, before in zip(lines, ["", *lines], strict=False)
        if not (HASH if before.endswith("\\") else PIN).fullmatch(line)
    ]
    assert not wrong
    assert HASH.fullmatch(lines[-1])


def test_what_runs_is_locked_as_where_it_is_developed() -> None:
    """Though where nothing else wants a package, it may be for fewer platforms."""
    run, develop = ({pin.split()[0] for pin in pins_of(ROOT / f"requirements.{kind}")} for kind in ("txt", "lock"))
    assert run <= develop


def test_every_install_asks_for_hashes_or_for_nothing_but_this_checkout() -> None:
    text = "\n".join((ROOT / name).read_text() for name in INSTALLERS)
    text = text.replace("$(PIP_LOCKED)", "--require-hashes").replace("*locked", "--require-hashes")
    installs = re.findall(r"^[^#\n]*(?:pip\S* install|\$\(PIP_INSTALL\)|\"pip\", \"install\").*$", text, re.MULTILINE)
    wanting = [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line]
    assert "UV_REQUIRE_HASHES=1" in text
    assert {line.split("--group")[0] for line in wanting if not line.startswith("PIP_INSTALL :=")} == {
        "RUN uv pip install ",
        "RUN UV_CONSTRAINT= uv pip install --requirement mlflow.txt",
    }, "those above have it from UV_REQUIRE_HASHES"


def test_a_bill_of_materials_lists_what_is_locked_with_its_hashes_and_is_the_same_each_time(tmp_path: Path) -> None:
    written = [write_bill(tmp_path / name, EXPORTER) for name in ("one", "two")]
    assert written[0] == written[1]
    bill = json.loads(written[0])
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "scoreline")
    listed = {f"{part['name']}=={part['version']}": part["externalReferences"][0] for part in bill["components"]}
    assert listed.keys() == {re.sub(r"\[.*?\]", "", line).split()[0] for line in pins_of(EXPORTER)}
    assert all(reference["hashes"] for reference in listed.values())


def pins_of(lock: Path) -> list[str]:
    """Return the pins of a lock."""
    return [line for line in lock.read_text().splitlines() if PIN.match(line)]


def write_bill(folder: Path, lock: Path) -> bytes:
    """Return what `make sbom` writes of a lock."""
    installed = "--old-file=.venv/.installed-to-develop"
    variables = [f"SBOM={folder}", f"LISTED={lock.relative_to(ROOT)}", f"BIN={Path(sys.executable).parent}"]
    subprocess.run(["make", "--silent", "sbom", installed, *variables], cwd=ROOT, check=True, capture_output=True)
    return (folder / f"{lock.name}.cdx.json").read_bytes()
