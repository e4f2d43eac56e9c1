"""What the figures of files come to: the goals, and a table of seconds."""

from collections.abc import Callable, Iterator, Sequence

from bench.benchmarks.files import MANY_TIMES, MLFLOW, OURS, SCRIPT
from bench.figures import Figures, Goal, Key, median, row_of
from bench.services.environments import locked_version

TITLE = "Files"

PREFACE = """\
A file has an id and the twelve fields that the model uses. Ours is timed from the first byte sent to the last byte of
the scored CSV received, by one client over HTTP, with a bulk worker of one process a core; the others from start to end
of their program. Each has its turn once a round. CPU is that of all its processes; of ours Valkey, gateway, workers and
sweep, but not the client.

- `mlflow models predict` {mlflow} of training's own classifier, saved with `mlflow.sklearn`, `--env-manager local`.
- The script: Polars {polars} reads in batches; a thread for each core makes the matrix, has onnxruntime score it and
  writes CSV. It checks no value, and starts anew if it is killed.
- The gateway's waits are those of a second client that asks for `/health/live` all the time. They hold the machine's
  own delays, which the wait while nothing comes in shows. The upload is that of {many:,} rows, and so are the files
  that one and two processes score, which start once the upload is written.
- A patient's client and that of the file beside it are processes of their own.
"""


def over(upper: Key, lower: Key, times: float = 1) -> Callable[[Figures], float]:
    """Return the function that says how many times `lower` one figure is; that many `times` where their rows differ."""
    return lambda figures: times * figures[upper] / figures[lower]


def just(key: Key) -> Callable[[Figures], float]:
    """Return the function that says the figure itself."""
    return lambda figures: figures[key]


def goals(rows: int) -> list[Goal]:
    """Return the goals for files of so many rows, and of ten times as many."""
    many, all = MANY_TIMES * rows, (OURS, rows, "all")
    one, two = (OURS, rows, "scored by 1"), (OURS, rows, "scored by 2")
    beside, alone = (OURS, rows, "p99 beside"), (OURS, rows, "p99 alone")
    lag = (OURS, rows, "upload worst_ms")
    return [
        Goal("seconds of `mlflow models predict` over ours", over((MLFLOW, rows, "all"), all), 10),
        Goal("our seconds over the script's", over(all, (SCRIPT, rows, "all")), 2, at_least=False),
        Goal(f"rows/s of {many:,} rows over those of {rows:,}", over(all, (OURS, many, "all"), MANY_TIMES), 0.9),
        Goal(f"largest process at {many:,} rows, MB", just((OURS, many, "MB")), 300, at_least=False, form="{:.0f}"),
        Goal("longest wait for the gateway during an upload, ms", just(lag), 20, at_least=False, form="{:.1f}"),
        Goal("seconds that one bulk process scores over those of two", over(one, two), 1.7),
        Goal(
            "p99 of one patient with a file in progress over an idle service's", over(beside, alone), 3, at_least=False
        ),
    ]


def report(rounds: Sequence[Figures], rows: int) -> Iterator[str]:
    """Yield the lines of the section in bench/RESULTS.md."""
    yield f"## {TITLE}: {rows:,} rows, {len(rounds)} rounds\n"
    yield PREFACE.format(
        mlflow=locked_version("mlflow", "mlflow"), polars=locked_version("polars", "polars"), many=MANY_TIMES * rows
    )
    yield "| goal | wanted | median | met | rounds |\n|---|---|---|---|---|"
    yield from (row_of(goal, rounds) for goal in goals(rows))
    yield "\n| contender | rows | s | rows/s | CPU s |\n|---|---|---|---|---|"
    for name, size in ((OURS, rows), (OURS, MANY_TIMES * rows), (SCRIPT, rows), (MLFLOW, rows)):
        took, cpu = median(rounds, (name, size, "all")), median(rounds, (name, size, "cpu"))
        if took and cpu:
            yield f"| {name} | {size:,} | {took:.2f} | {size / took:,.0f} | {cpu:.2f} |"
    yield "\n| of ours | median |\n|---|---|"
    for text, size, figure in (
        ("upload, s", rows, "upload"),
        ("scoring after it, s", rows, "scoring"),
        ("download, s", rows, "download"),
        ("longest wait for the gateway while nothing comes in, ms", rows, "idle worst_ms"),
        ("the same, p99.9, ms", rows, "idle p999_ms"),
        ("longest wait for the gateway during an upload, ms", rows, "upload worst_ms"),
        ("the same, p99.9, ms", rows, "upload p999_ms"),
        ("p99 of one patient on an idle service, ms", rows, "p99 alone"),
        ("p99 of one patient with a file in progress, ms", rows, "p99 beside"),
    ):
        value = median(rounds, (OURS, size, figure))
        yield f"| {text} | {'not measured' if value is None else f'{value:.2f}'} |"
