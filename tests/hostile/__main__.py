"""Measures what hostile clients can do to a whole service: `python -m tests.hostile --help`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench.load.lag import watched
from bench.local.conditions import wait_until
from core.transport.queue import BULK, CALLBACKS, INTERACTIVE, NOTIFY, SCORE, SCORE_PARTS
from tests.hostile.attacks import ATTACKS
from tests.hostile.bad_input import bad_bodies, bad_files
from tests.hostile.bodies import FILES, JSON
from tests.hostile.footprint import Ground, ground, measure, measure_largest, prepare
from tests.hostile.house import House, housed, say
from tests.hostile.judging import Judgement, judge
from tests.hostile.messages import messages, strange_messages
from tests.hostile.requests import REQUESTS

BEYOND_BYTES, GROWTH_BYTES, P99_MS, SLOWEST_S = 5_000_000, 50_000_000, 100, 2
QUEUES = ((INTERACTIVE, SCORE), (BULK, SCORE_PARTS), (CALLBACKS, NOTIFY))
WIDTH = 140

EPILOG = """
Each attack is one connection's to a gateway of its own, warm, with default settings; its memory is what the gateway
grows by at most, beyond what the largest valid submit makes it grow. Then a whole service meets all of tests/hostile
one after the other. At last a service is sent bodies and files that are wrong in ways drawn by chance.

The exit code is 1 if any goal is missed.
"""


class Row(NamedTuple):
    """A line of the table."""

    what: str
    measured: str
    goal: str
    met: bool


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile",
        description="Measures what hostile clients can do to a whole service.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run (default: all)")
    parser.add_argument("--attacks", nargs="+", metavar="WORD", help="attacks whose names hold one of these words")
    parser.add_argument("--bodies", type=int, default=10_000, help="bad bodies of submits (default: %(default)s)")
    parser.add_argument("--files", type=int, default=300, help="bad files (default: %(default)s)")
    return parser.parse_args(arguments)


def within(what: str, value: float, bound: float, form: str) -> Row:
    """Return the line of a figure that must not exceed a bound."""
    return Row(what, form.format(value), f"<= {form.format(bound)}", value <= bound)


def one_connection(place: Ground, asked: argparse.Namespace) -> Iterator[Row]:
    """Measure each attack for itself."""
    largest = measure_largest(place)
    yield Row("the largest valid submit, MB", f"{largest.grown_bytes / 1e6:.1f}", "", met=True)
    for attack in ATTACKS:
        if asked.attacks and not any(word in attack.name for word in asked.attacks):
            continue
        print(f"attacking: {attack.name}", file=sys.stderr)
        found = measure(place, attack.carry_out)
        beyond = (found.grown_bytes - largest.grown_bytes) / 1e6
        yield within(f"{attack.name}: MB beyond that", beyond, BEYOND_BYTES / 1e6, "{:.1f}")
        yield within(f"{attack.name}: /health/live p99, ms", found.p99_ms, P99_MS, "{:.0f}")


def everything(place: Ground, _: argparse.Namespace) -> Iterator[Row]:
    """Do all of it to one service."""
    folder = place.folder / "house"
    folder.mkdir()
    with housed(folder) as house, watched(house.url) as lag:
        prepared = prepare(house.door[1], "Accept: */*")
        assert house.still_scores()
        house.held_bytes = house.memory_bytes()
        for case in chain(REQUESTS, JSON, FILES):
            say(house, case.sent)
        for attack in ATTACKS:
            attack.carry_out(prepared)
        send_messages(house)
        lives = still_scores(house)
        grown = house.memory_bytes() - house.held_bytes
    yield Row("a patient is scored after all of it, by the same processes", "yes" if lives else "no", "yes", lives)
    yield within("the whole service after all of it: MB more", grown / 1e6, GROWTH_BYTES / 1e6, "{:.1f}")
    yield within("/health/live p99 through all of it, ms", lag["p99_ms"], P99_MS, "{:.0f}")
    yield Row("/health/live, the longest wait, ms", f"{lag['worst_ms']:.0f}", "", met=True)


def still_scores(house: House) -> bool:
    """Whether a patient is scored within a while."""
    with suppress(AssertionError):
        return wait_until(house.still_scores, within_s=30, what="a patient to be scored")
    return False


def send_messages(house: House) -> None:
    """Put messages that are none of ours into each queue, and wait until they are gone."""
    for queue, task in QUEUES:
        for _, message in (*messages(task), *strange_messages(task)):
            house.redis.lpush(queue, message)
        with suppress(AssertionError):
            wait_until(lambda queue=queue: not house.redis.exists(queue), within_s=60, what="the queue to be empty")  # type: ignore[misc]


def bad_input(place: Ground, asked: argparse.Namespace) -> Iterator[Row]:
    """Send bad bodies and bad files."""
    with watched(f"http://127.0.0.1:{place.own.door[1]}") as lag:
        bodies = judge(place.own, "/v1/jobs", bad_bodies(asked.bodies))
        files = judge(place.own, "/v1/batches", bad_files(asked.files))
    yield from tell(f"{asked.bodies:,} bad bodies", bodies)
    yield from tell(f"{asked.files:,} bad files", files)
    yield within("/health/live p99 beside them, ms", lag["p99_ms"], P99_MS, "{:.0f}")


def tell(what: str, judgement: Judgement) -> Iterator[Row]:
    """Yield the lines of what was answered."""
    listed = ", ".join(f"{status}: {count:,}" for status, count in sorted(judgement.statuses.items()))
    yield Row(f"{what}: answers", listed, "", met=True)
    yield within(f"{what}: 5xx, or no answer", judgement.failed, 0, "{:.0f}")
    yield within(f"{what}: slowest, s ({judgement.slowest})", judgement.slowest_s, SLOWEST_S, "{:.2f}")
    echoed = ", ".join(f"{kind} {count:,}" for kind, count in judgement.echoed.most_common()) or "none"
    yield Row(f"{what}: answers with what was sent", echoed, "none", not judgement.echoed)


PARTS = {"one-connection": one_connection, "everything": everything, "bad-input": bad_input}


def main() -> int:
    """Measure what was asked for, print the table, and return the exit code."""
    asked, table = parse(sys.argv[1:]), Table("what", "measured", "goal", "met")
    with TemporaryDirectory(prefix="scoreline-hostile-") as folder, ground(Path(folder)) as place:
        rows = [row for part in asked.only for row in PARTS[part](place, asked)]
    for row in rows:
        table.add_row(row.what, row.measured, row.goal, ("yes" if row.met else "no") if row.goal else "")
    Console(width=max(Console().width, WIDTH), soft_wrap=True).print(table)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
