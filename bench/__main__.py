"""Runs the benchmarks and writes what they measured to bench/RESULTS.md: `python -m bench --help`."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.benchmarks import cost, fairness_report, file_report, files, ledger, metrics, profile, race, waiting
from bench.load.wrk import find_wrk
from bench.results import RESULTS, replace
from bench.services.contenders import CONTENDERS
from core.errors import ScorelineError
from core.telemetry import switch_off_telemetry

KEYS = "Keys"
KEPT = Path(__file__).parent.parent / "var" / "bench"

EXAMPLES = """examples:
  python -m bench                  all of it, as `make bench` does (some half an hour)
  python -m bench --only race      the peers alone; the other sections of the results stay as they are
  python -m bench --only race --contenders Scoreline "bare HTTP" --rounds 1 --print
                                   a quick look, which writes nothing
"""


def main() -> int:
    """Measure, print, and write the results; return the exit code."""
    asked = parse()
    if {"race", "profile", "metrics", "keys"} & set(asked.only) or asked.before:
        find_wrk()
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in asked.only:
        title, run = PARTS[name]
        section = list(run(asked))
        print(*section, sep="\n", end="\n\n")
        if not asked.print:
            before = RESULTS.read_text() if RESULTS.exists() else ""
            RESULTS.write_text(replace(before, title, section, [title for title, _ in PARTS.values()]))
    return 0


def parse() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures Scoreline, and its peers, on this machine.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run (default: all)")
    parser.add_argument("--print", action="store_true", help="print only; bench/RESULTS.md stays as it is")
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="runs of ledger, race, files and fairness, and a third of those of all costs (default: %(default)s)",
    )
    race_only = parser.add_argument_group("race, profile, metrics, keys, fairness")
    race_only.add_argument("--seconds", type=int, default=4, help="time for each figure (default: %(default)s)")
    race_only.add_argument(
        "--contenders",
        nargs="+",
        choices=CONTENDERS,
        default=list(CONTENDERS),
        metavar="NAME",
        help=f"who races, in this order (default: {', '.join(CONTENDERS)})",
    )
    rows = parser.add_argument_group("files")
    rows.add_argument("--rows", type=int, default=1_000_000, help="rows of a file (default: %(default)s)")
    backlog = parser.add_argument_group("ledger")
    backlog.add_argument("--jobs", type=int, default=200_000, help="jobs in the backlog (default: %(default)s)")
    backlog.add_argument("--group", type=int, default=64, help="jobs in a group commit (default: %(default)s)")
    fairness = parser.add_argument_group("fairness")
    fairness.add_argument("--before", metavar="REV", help="an older commit, to measure one owner alone beside it")
    return parser.parse_args()


def run_ledger(asked: argparse.Namespace) -> Iterator[str]:
    """Measure what the ledger costs; yield the lines of the section."""
    costs = ledger.measure(asked.jobs, asked.group, asked.rounds)
    yield from ledger.report(costs, asked.jobs, asked.group)


def run_race(asked: argparse.Namespace) -> Iterator[str]:
    """Measure the contenders; yield the lines of the section."""
    held = race.run(KEPT, asked.contenders, asked.rounds, asked.seconds)
    yield from race.report(held, asked.contenders, asked.seconds)


def run_profile(asked: argparse.Namespace) -> Iterator[str]:
    """Sample gateway and worker under load; yield the lines of the section."""
    yield from profile.report(profile.measure(KEPT, 3 * asked.seconds))


def run_waiting(_asked: argparse.Namespace) -> Iterator[str]:
    """Measure what clients that wait cost; yield the lines of the section."""
    yield from waiting.report(waiting.measure(waiting.CLIENTS))


def run_files(asked: argparse.Namespace) -> Iterator[str]:
    """Measure files; yield the lines of the section."""
    yield from file_report.report(files.measure(KEPT, asked.rounds, asked.rows), asked.rows)


def run_metrics(asked: argparse.Namespace) -> Iterator[str]:
    """Measure what it costs to be measured; yield the lines of the section."""
    yield from metrics.report(asked.rounds, asked.seconds)


def run_keys(asked: argparse.Namespace) -> Iterator[str]:
    """Measure what it costs to ask for API keys; yield the lines of the section."""
    yield from cost.report(KEYS, "API keys", cost.measure(cost.keys(), asked.rounds, asked.seconds))


def run_fairness(asked: argparse.Namespace) -> Iterator[str]:
    """Measure what one key can do to another; yield the lines of the section."""
    yield from fairness_report.report(asked.rounds, asked.seconds, asked.before)


PARTS: dict[str, tuple[str, Callable[[argparse.Namespace], Iterator[str]]]] = {
    "ledger": (ledger.TITLE, run_ledger),
    "waiting": (waiting.TITLE, run_waiting),
    "race": (race.TITLE, run_race),
    "files": (file_report.TITLE, run_files),
    "profile": (profile.TITLE, run_profile),
    "metrics": (metrics.TITLE, run_metrics),
    "keys": (KEYS, run_keys),
    "fairness": (fairness_report.TITLE, run_fairness),
}
"""Each part by its name: the title of its section, and what measures and reports it."""


if __name__ == "__main__":
    switch_off_telemetry()  # for the peers too, which are started from here
    try:
        sys.exit(main())
    except ScorelineError as error:
        sys.exit(f"bench: {error}")
