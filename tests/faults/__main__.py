"""Strikes a whole Scoreline with every fault, under load, and counts: `python -m tests.faults --help`."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from rich.console import Console

from tests.faults.fault import FAILED_OVER_WITHIN_S, RECOVERED_WITHIN_S, Fault
from tests.faults.faults import FAULTS
from tests.faults.file_audit import FileCount
from tests.faults.file_fault import FileFault
from tests.faults.file_faults import FILE_FAULTS
from tests.faults.file_table import FILE_COLUMNS, to_section
from tests.faults.file_trial import FilePlan, hold_file_trial
from tests.faults.table import COLUMNS, to_page, to_terminal
from tests.faults.trial import Count, Plan, hold_trial
from tests.faults.upgrade import BEFORE, UPGRADES, Upgrade, UpgradePlan, hold_upgrade
from tests.faults.witness import Witness

F = TypeVar("F", Fault, FileFault, Upgrade)
R = TypeVar("R")

TABLE_WIDTH = 220
FILES, AIMED_SHARE = 12, 10  # files of a trial, and which part of its rows a file has that a fault aims at
NOTE_BYTES = 200  # in each row, so that a file of 20,000 rows has two parts

EPILOG = """
Each fault gets a house of its own: broker, gateway, two workers of two processes each, and the sweep, all with their
default settings, started again whenever they end. Callers submit as fast as they are served, each submit under a key of
its own, and send again what was refused or not answered; a reader polls and remembers what it saw. While they do, the
fault strikes. After each strike the house must recover; after the last one every job is read and counted. Of files it
is every row of each that is counted.

The exit code is 1 if any job or row was lost, doubled or changed, or if a recovery took longer than {limit} s, or than
{longer} s where a replica has to take over. What is lost with an emptied Redis and told, and what a master had not yet
sent to its replica, are counted apart.

Faults that strike jobs:
{jobs}
Faults that strike files:
{files}
Upgrades from an older commit, with jobs and files under way:
{upgrades}"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    jobs, files, upgrades = (
        "".join(f"  {fault.name:<28} {fault.about}\n" for fault in kind) for kind in (FAULTS, FILE_FAULTS, UPGRADES)
    )
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="Proves by faults and counts that an accepted job or row is never lost and never changes.",
        epilog=EPILOG.format(
            limit=RECOVERED_WITHIN_S, longer=FAILED_OVER_WITHIN_S, jobs=jobs, files=files, upgrades=upgrades
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--jobs", type=int, default=20_000, help="least submits of each trial (default: 20000)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each trial of files (default: 1000000)")
    parser.add_argument("--repeats", type=int, default=3, help="trials of each fault (default: 3)")
    parser.add_argument("--strikes", type=int, default=2, help="how often the fault strikes in a trial (default: 2)")
    parser.add_argument("--outage", type=float, default=20, metavar="S", help="seconds without a broker (default: 20)")
    parser.add_argument("--before", default=BEFORE, metavar="REV", help=f"commit to upgrade from (default: {BEFORE})")
    parser.add_argument("--only", action="append", metavar="NAME", help="this fault and no other; can be repeated")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the tables to this file, in Markdown")
    asked = parser.parse_args(arguments)
    unknown = set(asked.only or ()) - {fault.name for kind in (FAULTS, FILE_FAULTS, UPGRADES) for fault in kind}
    if unknown:
        parser.error(f"there is no fault named {', '.join(sorted(unknown))}; --help lists them all")
    return asked


def hold_trials(trial: Callable[[], R], name: str, repeats: int, console: Console, say: Callable[[R], str]) -> list[R]:
    """Hold all trials of one fault, saying how each went, and return their counts."""
    counts = []
    for repeat in range(1, repeats + 1):
        try:
            with console.status(f"{name}: trial {repeat} of {repeats}"):
                count = trial()
        except Exception as error:  # one that breaks down must not take what the others counted with it
            console.print(f"{name} {repeat}/{repeats}: broke down: {type(error).__name__}: {error}", markup=False)
            break
        counts.append(count)
        console.print(f"{name} {repeat}/{repeats}: {say(count)}")
    return counts


def wanted(faults: Iterable[F], asked: argparse.Namespace, console: Console) -> Iterator[F]:
    """Yield the faults that were asked for, and say which of them this machine cannot have."""
    for fault in faults:
        if asked.only and fault.name not in asked.only:
            continue
        if fault.is_possible():
            yield fault
        else:
            console.print(f"{fault.name}: left out, as this user may not do that to this machine")


def unbroken(
    strike: Callable[[F, argparse.Namespace, Console], list[R]], fault: F, asked: argparse.Namespace, console: Console
) -> list[R]:
    """Return what was counted, or nothing where a house cannot be built: the others' counts are worth having."""
    try:
        return strike(fault, asked, console)
    except Exception as error:
        console.print(f"{fault.name}: broke down: {type(error).__name__}: {error}", markup=False)
        return []


def strike_jobs(fault: Fault, asked: argparse.Namespace, console: Console) -> list[Count]:
    """Hold all trials of a fault that strikes jobs, in a house of its own, and return their counts."""
    plan = Plan(jobs=asked.jobs, strikes=asked.strikes, outage_s=asked.outage)
    with TemporaryDirectory(prefix="scoreline-faults-") as folder, fault.build(Path(folder), {}) as house:
        return hold_trials(
            partial(hold_trial, house, fault, plan, Witness()),
            fault.name,
            asked.repeats,
            console,
            lambda count: (
                f"{count.accepted} accepted at {count.submits_per_s:.0f}/s, {count.lost} lost, "
                f"{count.duplicated} duplicated, {count.changed} changed; {recovered(count.recoveries_s)}"
            ),
        )


def strike_files(fault: FileFault, asked: argparse.Namespace, console: Console) -> list[FileCount]:
    """Hold all trials of a fault that strikes files, in a house of its own, and return their counts."""
    aimed = max(asked.rows // AIMED_SHARE, 1)
    plan = FilePlan(FILES, asked.rows, aimed_rows=aimed, note_bytes=NOTE_BYTES, strikes=asked.strikes)
    folder = TemporaryDirectory(prefix="scoreline-faults-")
    with folder as place, fault.build(Path(place), {}) as house:
        return hold_trials(
            partial(hold_file_trial, house, fault, plan),
            fault.name,
            asked.repeats,
            console,
            lambda count: (
                f"{count.rows} rows in {count.files} files, {count.scored} scored, {count.rejected} rejected, "
                f"{count.called_off} called off, {count.lost} lost, {count.doubled} doubled, "
                f"{count.changed} files changed, {count.left} left; {recovered(count.recoveries_s)}"
            ),
        )


def strike_upgrade(upgrade: Upgrade, asked: argparse.Namespace, console: Console) -> list[tuple[Count, FileCount]]:
    """Hold all trials of an upgrade, each in a house of its own, and return their counts."""
    plan = UpgradePlan(jobs=asked.jobs)

    def hold() -> tuple[Count, FileCount]:
        with TemporaryDirectory(prefix="scoreline-faults-") as folder:
            return hold_upgrade(Path(folder), {}, upgrade, plan, asked.before)

    return hold_trials(
        hold,
        upgrade.name,
        asked.repeats,
        console,
        lambda counts: (
            f"{counts[0].accepted} jobs and {counts[1].rows} rows accepted, "
            f"{counts[0].lost} and {counts[1].lost} lost, {counts[0].duplicated} and {counts[1].doubled} doubled, "
            f"{counts[0].changed} jobs and {counts[1].changed} files changed; {recovered(counts[0].recoveries_s)}"
        ),
    )


def recovered(times_s: Sequence[float]) -> str:
    """Return how long each recovery took, in words."""
    return "recovered in " + ", ".join(f"{seconds:.1f} s" for seconds in times_s)


class Report:
    """What was counted so far. It is written down after each fault: what took an hour is not lost with the last one."""

    def __init__(self, path: Path | None, trials: int) -> None:
        self.jobs, self.files = list[Sequence[Count]](), list[Sequence[FileCount]]()
        self._path, self._trials, self._whole = path, trials, True
        self._command = " ".join(["python -m tests.faults", *sys.argv[1:]])
        self._began_s = time.monotonic()

    def add(self, jobs: Sequence[Count] | None = None, files: Sequence[FileCount] | None = None) -> None:
        """Add the counts of all trials of one fault, of those that it strikes; none where its trials broke down."""
        self._whole &= all(len(row) == self._trials for row in (jobs, files) if row is not None)
        self.jobs += [jobs] if jobs else []
        self.files += [files] if files else []
        if self._path:
            self._path.write_text("\n".join(self._pages()))

    def show(self, console: Console) -> None:
        """Print the tables."""
        if self.jobs:
            console.print(to_terminal(COLUMNS, self.jobs))
        if self.files:
            console.print(to_terminal(FILE_COLUMNS, self.files))

    def is_well(self) -> bool:
        """Whether every trial of each fault was held, and all of them kept the promise and recovered in time."""
        rows: list[Sequence[Count | FileCount]] = [*self.jobs, *self.files]
        return self._whole and all(
            count.is_kept and count.recovered_s <= count.limit_s for row in rows for count in row
        )

    def _pages(self) -> Iterator[str]:
        seconds = time.monotonic() - self._began_s
        if self.jobs:
            yield to_page(self.jobs, [*FAULTS, *UPGRADES], command=self._command, seconds=seconds)
        if self.files:
            yield to_section(self.files, [*FILE_FAULTS, *UPGRADES], command=self._command, seconds=seconds)


def main() -> int:
    """Hold every trial asked for, print the tables, and return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that no process of a house stays behind
    asked = parse(sys.argv[1:])
    console = Console(width=max(Console().width, TABLE_WIDTH), soft_wrap=True)
    report = Report(asked.write, asked.repeats)
    try:
        for upgrade in wanted(UPGRADES, asked, console):
            counts = unbroken(strike_upgrade, upgrade, asked, console)
            report.add([jobs for jobs, _ in counts], [files for _, files in counts])
        for fault in wanted(FAULTS, asked, console):
            report.add(jobs=unbroken(strike_jobs, fault, asked, console))
        for file_fault in wanted(FILE_FAULTS, asked, console):
            report.add(files=unbroken(strike_files, file_fault, asked, console))
    finally:
        report.show(console)
    return 0 if report.is_well() else 1


if __name__ == "__main__":
    sys.exit(main())
