"""A house for jobs and for files whose programs are those of another commit at first, and are upgraded one by one."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from pathlib import Path

from typing_extensions import override

from bench.local.programs import ROOT, start_in
from core.transport.queue import BULK
from tests.faults.file_house import FileHouse
from tests.faults.house import PRODUCT, House
from tests.faults.supervisor import Launch, Program

RELEASE: ContextVar[Path] = ContextVar("release")
"""The checkout that a program is started of, if that is not the house's first one."""


class UpgradedHouse(FileHouse):
    """A house of the checkout in the folder `root`, in which each release has its own bundle."""

    READY = House.READY

    def __init__(self, folder: Path, settings: Mapping[str, str], root: Path) -> None:
        super().__init__(folder, settings)
        del self._variables["SCORELINE_BUNDLE"]
        self._root = root

    @override
    def worker_launch(self, name: str, entry: str = PRODUCT, **variables: str) -> Launch:
        """Return how to start a worker of jobs."""
        return House.worker_launch(self, name, entry, **variables)

    @override
    def _start_others(self) -> None:
        self.bulk = self._run("bulk", partial(self._python, "worker", "run", "--queue", BULK))

    @override
    def _python(self, module: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        command, log = (sys.executable, "-m", module, *arguments), self.folder / f"{module}.log"
        return start_in(RELEASE.get(self._root), command, log, {**self._variables, **variables})

    @property
    def scorers(self) -> list[Program]:
        """All who score."""
        return [*self.workers, self.bulk]

    def pause(self, *programs: Program) -> None:
        """Stop programs as an operator would, and leave them down."""
        for program in programs:
            program.hold()
            program.end(signal.SIGTERM)

    def upgrade(self, *programs: Program) -> None:
        """Stop programs as an operator would, be it that they are down, and start those of this commit instead."""
        for program in programs:
            program.launch = partial(launch_of_release, ROOT, program.launch)
            program.end(signal.SIGTERM)
            program.release()


def launch_of_release(root: Path, launch: Launch) -> subprocess.Popen[bytes]:
    """Start a program of the checkout in the folder `root`."""
    token = RELEASE.set(root)
    try:
        return launch()
    finally:
        RELEASE.reset(token)
