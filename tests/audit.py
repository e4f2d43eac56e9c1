"""Asks whether a vulnerability is known of anything that is locked: `python -m tests.audit`, as `make check` does.

pip-audit asks PyPI, or whom PIP_AUDIT_VULNERABILITY_SERVICE and PIP_AUDIT_OSV_URL name. Where nobody can be asked
nothing is known: that is said, and fails nothing. What is only for races of the benchmark is not asked about.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bench.local.programs import ROOT

LOCKS = ["monitoring/exporter.txt", "training/mlflow.txt", "requirements.lock"]  # the shortest first, which tells soon
AWAY = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "HTTPError")


class Accepted(NamedTuple):
    """A vulnerability that does no harm here, why, and the day from which that must be thought over."""

    id: str
    why: str
    until: date


ACCEPTED: list[Accepted] = []


class SourceAway(Exception):
    """Nobody who knows of vulnerabilities can be asked."""


def ask(lock: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each package with a vulnerability that is known of it. Raises SourceAway."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--requirement", str(lock)]
    asked = subprocess.run([*command, "--format=json", "--progress-spinner=off"], capture_output=True, text=True)
    if not asked.stdout:
        if any(name in asked.stderr for name in AWAY):
            raise SourceAway
        raise RuntimeError(f"pip-audit cannot read {lock}:\n{asked.stderr[-2000:]}")
    packages = json.loads(asked.stdout)["dependencies"]
    if not any("vulns" in package for package in packages):  # an index that passes packages on, and nothing else
        raise SourceAway
    for package in packages:
        for found in package.get("vulns", []):
            yield f"{package['name']} {package['version']}", found


def audit(locks: Sequence[Path], accepted: Sequence[Accepted], today: date) -> int:
    """Say what is known of the locked packages; return the exit code: 1 for a vulnerability that is not accepted."""
    still = {each.id: each.why for each in accepted if today < each.until}
    wrong = 0
    for lock in locks:
        try:
            for package, found in ask(lock):
                why = next((still[id] for id in (found["id"], *found["aliases"]) if id in still), None)
                wrong += why is None
                mended = ", ".join(found["fix_versions"]) or "no version yet"
                accepted_as = f"; accepted: {why}" if why else ""
                print(f"{lock.name}: {package} has {found['id']}, mended in {mended}{accepted_as}")
        except SourceAway:
            print("audit: skipped, as nobody who knows of vulnerabilities can be asked from here")
            return 0
    print(f"audit: {wrong or 'no'} known vulnerabilities that were not accepted, in {len(locks)} locks")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(audit([ROOT / lock for lock in LOCKS], ACCEPTED, datetime.now(UTC).date()))
