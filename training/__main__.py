"""The command line of training: `python -m training train`, and `python -m training table`."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table as Grid

from contract.errors import OperatorError
from contract.settings import Settings
from models.card import Card
from training import cleveland
from training.evaluation import Fold
from training.release import release
from training.table import read_table

TABLE = Path(__file__).parent / "data" / "cleveland.csv"

EXAMPLES = """examples:
  python -m training train                    refit the released model and measure it anew (some 10 s)
  python -m training train --out /tmp/bundle  the same, beside the released one
  python -m training table                    make the training table anew from its public source
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
    train = commands.add_parser("train", help="fit, measure and check the model, then write its bundle")
    train.add_argument(
        "--out",
        type=Path,
        default=Settings.read().bundle,
        help="folder for model.onnx and card.json (default: the one that workers load, %(default)s)",
    )
    train.set_defaults(command=run_train)
    table = commands.add_parser("table", help="make the training table anew; needs the network")
    table.add_argument("--out", type=Path, default=TABLE, help="CSV to write (default: the committed table)")
    table.set_defaults(command=run_table)
    return parser.parse_args(arguments)


def run_train(options: argparse.Namespace) -> None:
    """Fit and release, with a progress bar; then show the metrics. Raises BadTable, ReleaseRefused."""
    card = release(read_table(TABLE), options.out, show_progress)
    show(card)
    print(f"Released {card.version} to {options.out}")


def run_table(options: argparse.Namespace) -> None:
    """Rebuild the table and read it back. Raises BadTable."""
    print(f"Downloading {cleveland.SOURCE} and reading {cleveland.SOURCE_MEMBER} in it ...")
    cleveland.rebuild(options.out)
    table = read_table(options.out)
    print(f"Wrote {len(table.rows)} patients, {table.outcome.sum()} of them diseased, to {options.out}")
    print(f"SHA-256 {table.sha256}, as expected")


def show_progress(folds: Sequence[Fold]) -> Iterable[Fold]:
    """Yield the folds behind a progress bar, on standard error."""
    return track(folds, "Cross-validating", console=Console(stderr=True))


def show(card: Card) -> None:
    """Print the card's metrics as a table."""
    grid = Grid("metric", "value", "95 % interval", title=f"{card.name}, {card.training.rows} patients, nested CV")
    for name, metric in card.metrics.items():
        grid.add_row(name, f"{metric.value:.3f}", f"{metric.low:.3f} to {metric.high:.3f}")
    Console().print(grid)


if __name__ == "__main__":
    sys.exit(main())
