"""What fairness comes to: the goals, every figure, and what it costs an owner who is alone."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.benchmarks import cost
from bench.benchmarks.fairness import LARGE_JOB, LARGE_ROWS, MIDDLE_JOB, SMALL_ROWS, measure
from bench.figures import Figures, Goal, median, row_of, written
from bench.load.flood import IDLE, KINDS
from bench.local.revisions import check_out
from bench.services.contenders import FEW

TITLE = "Fairness"
MOST = 1.03
"""How much slower one owner alone may be at most than before there was fairness among owners."""

PREFACE = f"""\
A service that asks for keys. One key floods; another one has single patients scored, one after the other on one
connection with `Prefer: wait`, and then a file of {SMALL_ROWS} rows, timed from its first byte sent to the last of its
results. In turns: it asks for half of its time before the flood, for all of it beside the flood, and for half of it
afterwards. Each flood has a new service, and is a process of its own, which makes pauses of 50 ms after a refusal:

- `files`: twenty connections, each of which keeps a file of {LARGE_ROWS:,} rows open;
- `explained`: four connections that submit jobs of {LARGE_JOB:,} patients with `explain`, and do not wait for them;
- `backlog`: four that do so with jobs of {MIDDLE_JOB:,} patients, and four with jobs of one, so that the backlog is
  full to the last patient; a single process scores, and the limit is 3,000;
- `answers`: twenty that read one explained job of {LARGE_JOB:,} patients again and again.
"""

COLUMNS = {
    "asked": "patients scored",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "refused": "refused",
    "file": "slowest small file, s",
    "answered 200": "flood: 200",
    "answered 202": "202",
    "answered 429": "429",
    "answered 503": "503",
    "answered 0": "no answer",
}


def times_idle(flood: str, figure: str) -> Callable[[Figures], float]:
    """Return the function that says how many times a figure of an idle service it is beside a flood."""
    return lambda figures: figures[flood, FEW, figure] / figures[f"{flood} {IDLE}", FEW, figure]


def beside(flood: str, figure: str) -> Callable[[Figures], float]:
    """Return the function that says a figure beside a flood."""
    return lambda figures: figures[flood, FEW, figure]


FAIRNESS = [
    goal
    for flood in KINDS
    for goal in (
        Goal(f"{flood}: p50 of one patient over an idle service's", times_idle(flood, "p50"), 3, at_least=False),
        Goal(f"{flood}: p99 of one patient over an idle service's", times_idle(flood, "p99"), 10, at_least=False),
        Goal(f"{flood}: requests refused", beside(flood, "refused"), 0, at_least=False, form="{:.0f}"),
        Goal(f"{flood}: seconds of a file of 300 rows", beside(flood, "file"), 2, at_least=False),
    )
]
"""What a key is held harmless from while another one floods, by the flood's name."""


def report(rounds: int, seconds: int, before: str | None) -> Iterator[str]:
    """Measure, and yield the lines of the section in bench/RESULTS.md; `before` is an older commit."""
    found = measure(rounds, seconds)
    yield f"## {TITLE}: one key floods, another one asks, {len(found)} rounds of {seconds} s\n"
    yield PREFACE
    yield "| goal | wanted | median | met | rounds |\n|---|---|---|---|---|"
    yield from (row_of(goal, found) for goal in FAIRNESS)
    yield from tabulate(found)
    if before:
        yield from compare(rounds, seconds, before)


def tabulate(rounds: Sequence[Figures]) -> Iterator[str]:
    """Yield the lines of the table of figures: medians of the rounds."""
    yield f"\n| flood | service | {' | '.join(COLUMNS.values())} |\n|---|---|{'---|' * len(COLUMNS)}"
    for kind in KINDS:
        for name, service in ((f"{kind} {IDLE}", IDLE), (kind, "flooded")):
            cells = [written(median(rounds, (name, FEW, figure))) for figure in COLUMNS]
            yield f"| {kind} | {service} | {' | '.join(cells)} |"


def compare(rounds: int, seconds: int, before: str) -> Iterator[str]:
    """Yield the lines of the tables of one owner alone: this code's cost beside that of an older commit."""
    with TemporaryDirectory(prefix="before") as folder:
        root = check_out(before, Path(folder) / "root")
        for what, follow in (("only submit", False), ("wait for each result", True)):
            sides = cost.Side({}, follow=follow), cost.Side({}, root=root, follow=follow)
            pairs = cost.measure(sides, rounds, seconds)
            yield f"\nOne owner alone, {cost.CLIENTS} clients that {what} (goal: no more than {MOST - 1:.0%} slower):\n"
            yield from cost.table("now", before, pairs)
