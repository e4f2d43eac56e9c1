"""The race: every contender once a round, one after the other, so that a machine that slows down slows all of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.figures import Bench, Figures, Goal, median, row_of, scored, written
from bench.load.wrk import Overwhelmed
from bench.services.contenders import BARE, BENTO, CONTENDERS, CROWD, FEW, MANY, NOOP, OURS, SERVICES, SOME, TEMPLATE
from bench.services.environments import locked_version
from bench.services.service import CLIENTS_WITH_MANY

TITLE = "The race"

PREFACE = """\
Each contender is started alone, warmed up, measured for {seconds} s a figure and stopped, once a round; ratios are
of figures of one round. wrk plays the clients, each with a connection and a thread of its own, over the 303 patients
of the table. A peer's client polls for its result, after {alone} ms at most if it is alone and else every {among} ms;
one of ours sends `Prefer: wait`. *accepted/s* and *scored/s*: jobs when clients only submit, up to the last answer
and up to the last score. *seen/s*: jobs when each client sees its job scored before it submits the next; p50 and p99
are from submit to result. A goal takes the better of *scored/s* and *seen/s*, for either side.

- The template: FastAPI, one Celery task a request, two worker processes, result backend in the same Valkey, whose
  defaults write nothing to disk before they answer; Scoreline has every change on the disk. The model is a scikit-learn
  pipeline without a data frame (0.3 ms a patient; the ColumnTransformer of most tutorials takes 3 ms).
- BentoML {bento}: one process. With two, its SQLite store answers submits with 500 ("database is locked").
- Ray Serve {ray}: its asynchronous inference, that is Celery in threads of a replica, on the same plain Valkey.
- Bare HTTP: a route that checks the same `Patient` and answers; no queue, no model.
- No-op Celery: one client without HTTP that sends a task which does nothing, and gets its result.
"""

FALLS = (Overwhelmed, ChildProcessError, CalledProcessError, AssertionError)
"""What a contender falls out of a round by: it answers not all, ends, cannot be installed, or is waited for in vain."""

COLUMNS = {"accepted": "accepted/s", "scored": "scored/s", "seen": "seen/s", "p50": "p50 ms", "p99": "p99 ms"}


def over(name: str) -> Callable[[Figures], float]:
    """Return the function that says how many times as many jobs a second as this contender we score at 64 clients."""
    return lambda figures: scored(figures, OURS, MANY) / scored(figures, name, MANY)


def slower_than(name: str) -> Callable[[Figures], float]:
    """Return the function that says how many times as long as with this contender a client alone waits for us."""
    return lambda figures: figures[OURS, FEW, "p50"] / figures[name, FEW, "p50"]


GOALS = [
    Goal("jobs scored/s at 64 clients, over the template's", over(TEMPLATE), 10),
    Goal("jobs scored/s at 64 clients, over the BentoML task's", over(BENTO), 5),
    Goal("jobs scored/s at 64 clients, over bare HTTP's requests/s", over(BARE), 0.5),
    Goal("`Prefer: wait` p50 at one client, over the no-op Celery round trip", slower_than(NOOP), 1.5, at_least=False),
    Goal("`Prefer: wait` p50 at one client, over the template's", slower_than(TEMPLATE), 0.5, at_least=False),
    Goal(
        "patients scored/s in jobs of 1,000 at 4 clients",
        lambda figures: figures[OURS, CLIENTS_WITH_MANY, "patients"],
        50_000,
        form="{:,.0f}",
    ),
]
"""What Scoreline is held to, each a ratio of figures of one and the same round."""


@dataclass(frozen=True, slots=True)
class Race:
    """The figures of each round, and a sentence for each contender that fell out of one."""

    rounds: list[Figures]
    fallen: list[str]


def run(kept: Path, names: Sequence[str], rounds: int, seconds: int) -> Race:
    """Hold the race; one figure takes `seconds`, and environments are kept in the folder `kept`."""
    race = Race([], [])
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("", total=rounds * len(names))
        for number in range(1, rounds + 1):
            race.rounds.append({})
            for name in names:
                progress.update(task, description=f"round {number}: {name}")
                try:
                    race.rounds[-1].update(measure(name, kept, seconds))
                except FALLS as error:
                    race.fallen.append(f"{name} fell out of round {number}: {str(error).strip().splitlines()[-1]}")
                    progress.console.print(race.fallen[-1], markup=False)
                progress.advance(task)
    return race


def measure(name: str, kept: Path, seconds: int) -> Figures:
    """Return one contender's figures of one round."""
    with TemporaryDirectory(prefix="bench") as folder:
        return CONTENDERS[name](Bench(Path(folder), kept, seconds))


def report(race: Race, names: Sequence[str], seconds: int) -> Iterator[str]:
    """Yield the lines of the section in bench/RESULTS.md: the goals, then every figure."""
    yield f"## {TITLE}: {len(race.rounds)} rounds\n"
    yield PREFACE.format(
        seconds=seconds,
        alone=max(service.road.pause_alone_ms for service in SERVICES),
        among=max(service.road.pause_ms for service in SERVICES),
        bento=locked_version("bento", "bentoml"),
        ray=locked_version("ray_serve", "ray"),
    )
    if race.fallen:
        yield "\n".join(f"- {fall}" for fall in race.fallen) + "\n"
    yield "| goal | wanted | median | met | rounds |\n|---|---|---|---|---|"
    yield from (row_of(goal, race.rounds) for goal in GOALS)
    yield f"\n| contender | clients | {' | '.join(COLUMNS.values())} |\n|---|---|{'---|' * len(COLUMNS)}"
    for name in names:
        for clients in (FEW, SOME, MANY, CROWD):
            cells = [median(race.rounds, (name, clients, figure)) for figure in COLUMNS]
            if any(cells):
                yield f"| {name} | {clients} | {' | '.join(map(written, cells))} |"
