"""The command line of training: `python -m training study`, `release` and others; `--help` lists them."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from rich import progress
from rich.console import Console
from rich.table import Table as Grid

from core.errors import OperatorError
from core.settings import Settings
from models.card import Card
from models.registry import ALIAS
from training.bundle.release import find_champion, release
from training.data import cleveland
from training.data.table import TABLE, read_table
from training.documents.pages import DOCS, write_documents
from training.evaluation.cross_validation import Fold
from training.study.results import STUDY, Study, cross_all, sum_up
from training.tracking import log_run, log_study, register, track

EXAMPLES = """examples:
  python -m training study                      compare the candidates and choose one (some 10 minutes)
  python -m training release                    refit the chosen model, measure it and release it (some 10 s)
  python -m training release --out /tmp/bundle  the same, beside the released one
  python -m training eda                        draw the pictures of docs/eda.md
  python -m training documents                  write docs/study.md and the other generated pages anew
  python -m training table                      make the training table anew from its public source
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status: 0, or 1 after a sentence on what went wrong."""
    try:
        options = parse(arguments)
        options.command(options)
    except (OperatorError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Makes the model that Scoreline's workers load.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], None], words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words)
        command.set_defaults(command=run)
        return command

    def add_table(command: argparse.ArgumentParser) -> None:
        command.add_argument("--table", type=Path, default=TABLE, help="CSV of patients (default: the committed one)")

    study = add("study", run_study, "compare the candidates by nested cross-validation, and choose one")
    add_table(study)
    study.add_argument("--out", type=Path, default=STUDY, help="JSON to write (default: the committed one)")
    released = add("release", run_release, "fit what the study chose, pass it through the gate, write its bundle")
    add_table(released)
    released.add_argument("--study", type=Path, default=STUDY, help="JSON of the study (default: the committed one)")
    released.add_argument(
        "--out",
        type=Path,
        default=Settings.read().bundle,
        help="folder for the bundle (default: the one that workers load, %(default)s)",
    )
    add("eda", run_eda, "draw the pictures of the table into docs/eda, and write its page")
    add("documents", run_documents, "write the generated documents anew")
    table = add("table", run_table, "make the training table anew; needs the network")
    table.add_argument("--out", type=Path, default=TABLE, help="CSV to write (default: the committed table)")
    return parser.parse_args(arguments)


def run_study(options: argparse.Namespace) -> None:
    """Run the study, with progress bars, and write its results. Raises BadTable."""
    table, started = read_table(options.table), monotonic()
    risks, original = cross_all(table, show_results)
    study = sum_up(table, risks, original, monotonic() - started)
    study.write(options.out)
    track(lambda server: log_study(server, study))
    print(f"Chose {study.choice.chosen}. Wrote {options.out}; `python -m training documents` makes pages of it")


def run_release(options: argparse.Namespace) -> None:
    """Fit and release, with a progress bar; then show the metrics. Raises BadTable, BadStudy, ReleaseRefused."""
    champion = find_champion(options.out)
    beside = f"the bundle there, {champion.version}" if champion else "no other: there is no whole bundle there"
    print(f"Releasing to {options.out}, held against {beside}")
    card = release(read_table(options.table), Study.read(options.study), champion, options.out, show_folds)
    show(card)
    print(f"Released {card.version} to {options.out}")
    # A bundle made beside the released one is kept, and nobody fetches it as the champion.
    champion_now = options.out.resolve() == Settings.read().bundle.resolve()
    track(lambda server: register(server, card, options.out, ALIAS if champion_now else None))


def run_eda(_: argparse.Namespace) -> None:
    """Draw the pictures, and write the documents anew. Raises BadTable, BadStudy, BrokenBundle."""
    from training.documents.pictures import draw  # here, because no other command needs matplotlib's second

    paths = [*draw(read_table(TABLE), DOCS / "eda"), *write_documents()]
    for path in paths:
        print(f"Wrote {path}")
    files = {path.name: path.read_bytes() for path in paths}
    track(lambda server: log_run(server, "eda", {}, {}, files))


def run_documents(_: argparse.Namespace) -> None:
    """Write the generated documents anew. Raises BadStudy, BrokenBundle."""
    for path in write_documents():
        print(f"Wrote {path}")


def run_table(options: argparse.Namespace) -> None:
    """Rebuild the table and read it back. Raises BadTable."""
    print(f"Downloading {cleveland.SOURCE} and reading {cleveland.SOURCE_MEMBER} in it ...")
    cleveland.rebuild(options.out)
    table = read_table(options.out)
    print(f"Wrote {len(table.rows)} patients, {table.outcome.sum()} of them diseased, to {options.out}")
    print(f"SHA-256 {table.sha256}, as expected")


def show_folds(folds: Sequence[Fold]) -> Iterable[Fold]:
    """Yield the folds behind a progress bar, on standard error."""
    return progress.track(folds, "Cross-validating", console=Console(stderr=True))


def show_results(results: Iterable[Any], count: int) -> Iterable[Any]:
    """Yield that many results behind a progress bar, on standard error."""
    return progress.track(results, "Fitting", total=count, console=Console(stderr=True))


def show(card: Card) -> None:
    """Print the card's metrics as a table."""
    grid = Grid("metric", "value", "95 % interval", title=f"{card.name}, {card.training.rows} patients, nested CV")
    for name, metric in card.metrics.items():
        grid.add_row(name, f"{metric.value:.3f}", f"{metric.low:.3f} to {metric.high:.3f}")
    Console().print(grid)


if __name__ == "__main__":
    sys.exit(main())
