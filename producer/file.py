"""Writes a CSV of simulated patients, of any size: `python -m producer file --help`."""

import argparse
import os
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from rich.console import Console
from rich.progress import Progress

from core.schema.patient import COLUMNS
from producer.copula import Copula
from producer.scenarios import SCENARIOS, Scenario, Values
from producer.table import read_cases

BLOCK_ROWS = 10_000
DIFFERENT_PATIENTS = 5_000
"""The most different patients in a file; drawing one takes a hundred times as long as writing a row."""
BROKEN_PIPE = 141  # the exit code that a shell reports for a program that SIGPIPE ended

USED = tuple(name for name in COLUMNS if name != "chol")
NOTES = ("", "seen twice", '"sent, by his GP"', '"calls it ""a tightness"""', '"first line\nsecond line"')

EPILOG = """examples:
  python -m producer file --rows 1000000 > patients.csv               about 38 MB
  python -m producer file --rows 1000 --seed 7                        the same file every time
  python -m producer file --rows 1000 --scenario kpa                  blood pressure in the wrong unit
  python -m producer file --rows 1000 --columns extra                 with chol, and a note that tries a CSV reader
  python -m producer file --rows 10000000 | gzip | curl -H 'Content-Type: text/csv' -H 'Content-Encoding: gzip' \\
      --data-binary @- http://127.0.0.1:8001/v1/batches               a file that never touches the disk here
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line after `file`."""
    parser = argparse.ArgumentParser(
        prog="python -m producer file",
        description="Writes a CSV of simulated patients to standard output: an id, and the twelve fields that the "
        f"model uses. {DIFFERENT_PATIENTS} patients, drawn to be like 303 real ones, come again and again in random "
        "order; an empty cell means not measured.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, required=True, help="patients to write")
    parser.add_argument("--seed", type=int, help="draw the same patients every time")
    parser.add_argument(
        "--columns",
        choices=["used", "extra"],
        default="used",
        help="the columns that the model uses (default), or also chol and a note with quotes, commas and line breaks",
    )
    parser.add_argument(
        "--scenario", choices=SCENARIOS, help="what goes wrong with the values: python -m producer --help"
    )
    options = parser.parse_args(arguments)
    if options.rows < 0:
        parser.error("--rows must be 0 or more")
    return options


def make_blocks(
    copula: Copula, rows: int, extra: bool, rng: random.Random, scenario: Scenario | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield the file in blocks, each with its number of rows: the header, then rows whose ids count from 1."""
    columns = (*COLUMNS, "note") if extra else USED
    yield 0, ",".join(("id", *columns)).encode() + b"\n"
    drawn = [copula.draw(rng).patient.model_dump() for _ in range(min(rows, DIFFERENT_PATIENTS))]
    written = [to_cells(scenario(values, rng) if scenario else values, extra) for values in drawn]
    tails = [f",{cells},{note}\n" for cells in written for note in NOTES] if extra else [f",{it}\n" for it in written]
    width = len(str(rows))
    for first in range(1, rows + 1, BLOCK_ROWS):
        ids = range(first, min(first + BLOCK_ROWS, rows + 1))
        lines = zip([f"{id:0{width}}" for id in ids], rng.choices(tails, k=len(ids)), strict=True)
        yield len(ids), "".join(chain.from_iterable(lines)).encode()


def to_cells(values: Values, extra: bool) -> str:
    """Return a patient's values as the cells of a row, without an id."""
    chosen = (values[name] for name in (COLUMNS if extra else USED))
    return ",".join("" if value is None else f"{value:g}" for value in chosen)


def write_file(arguments: Sequence[str], out: BinaryIO) -> int:
    """Write the requested file to `out`; return the exit code. The reader may close the pipe early."""
    options = parse(arguments)
    rng, scenario = random.Random(options.seed), SCENARIOS.get(options.scenario)  # noqa: S311 - not for secrets
    blocks = make_blocks(Copula(read_cases()), options.rows, options.columns == "extra", rng, scenario)
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task("writing", total=options.rows)
            for count, block in blocks:
                out.write(block)
                progress.advance(bar, count)
            out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter fails to flush at exit
        return BROKEN_PIPE
    return 0
