"""Strikes a whole Scoreline with every fault, under load, and counts: `python -m tests.faults --help`."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.faults.faults import FAULTS, Fault
from tests.faults.house import House
from tests.faults.table import to_page, to_terminal
from tests.faults.trial import Count, Plan, hold_trial
from tests.faults.witness import Witness

RECOVERED_WITHIN_S = 10
TABLE_WIDTH = 170

EPILOG = """
Each fault gets a house of its own: broker, gateway, two workers of two processes each, and the sweep, all with their
default settings, started again whenever they end. Callers submit as fast as they are served, each submit under a key of
its own, and send again what was refused or not answered; a reader polls and remembers what it saw. While they do, the
fault strikes. After each strike the house must recover; after the last one every job is read and counted.

The exit code is 1 if any job was lost, doubled or changed, or if a recovery took longer than {limit} s.

Faults:
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    faults = "".join(f"  {fault.name:<17} {fault.about}\n" for fault in FAULTS)
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="Proves by faults and counts that an accepted job is never lost and never changes.",
        epilog=EPILOG.format(limit=RECOVERED_WITHIN_S) + faults,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--jobs", type=int, default=20_000, help="least submits of each trial (default: 20000)")
    parser.add_argument("--repeats", type=int, default=3, help="trials of each fault (default: 3)")
    parser.add_argument("--strikes", type=int, default=2, help="how often the fault strikes in a trial (default: 2)")
    parser.add_argument("--outage", type=float, default=20, metavar="S", help="seconds without a broker (default: 20)")
    parser.add_argument("--only", action="append", metavar="NAME", help="this fault and no other; can be repeated")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the table to this file, in Markdown")
    asked = parser.parse_args(arguments)
    unknown = set(asked.only or ()) - {fault.name for fault in FAULTS}
    if unknown:
        parser.error(f"there is no fault named {', '.join(sorted(unknown))}; --help lists them all")
    return asked


def hold_trials(fault: Fault, plan: Plan, repeats: int, console: Console) -> list[Count]:
    """Hold all trials of one fault in a house of its own, saying how each went, and return their counts."""
    counts = []
    with TemporaryDirectory(prefix="scoreline-faults-") as folder, House(Path(folder), {}) as house:
        witness = Witness()
        for repeat in range(1, repeats + 1):
            try:
                with console.status(f"{fault.name}: trial {repeat} of {repeats}"):
                    count = hold_trial(house, fault, plan, witness)
            except AssertionError as error:
                console.print(f"{fault.name} {repeat}/{repeats}: broke down: {error}")
                break
            counts.append(count)
            recoveries = ", ".join(f"{seconds:.1f} s" for seconds in count.recoveries_s)
            console.print(
                f"{fault.name} {repeat}/{repeats}: {count.accepted} accepted at {count.submits_per_s:.0f}/s, "
                f"{count.lost} lost, {count.duplicated} duplicated, {count.changed} changed; recovered in {recoveries}"
            )
    return counts


def main() -> int:
    """Hold every trial asked for, print the table, and return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that no process of a house stays behind
    asked, began_s = parse(sys.argv[1:]), time.monotonic()
    console = Console(width=max(Console().width, TABLE_WIDTH), soft_wrap=True)
    plan = Plan(jobs=asked.jobs, strikes=asked.strikes, outage_s=asked.outage)
    faults = [fault for fault in FAULTS if not asked.only or fault.name in asked.only]
    rows = [hold_trials(fault, plan, asked.repeats, console) for fault in faults]
    counted = [row for row in rows if row]
    console.print(to_terminal(counted))
    if asked.write:
        command = " ".join(["python -m tests.faults", *sys.argv[1:]])
        asked.write.write_text(to_page(counted, command=command, seconds=time.monotonic() - began_s))
    whole = all(len(row) == asked.repeats for row in rows)
    well = whole and all(count.is_kept and count.recovered_s <= RECOVERED_WITHIN_S for row in rows for count in row)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
