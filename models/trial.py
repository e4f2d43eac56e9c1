"""The trial: a bundle loaded by a process of its own first, since a graph may hang, or kill, whoever runs it."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

from contract.errors import BrokenBundle
from models.bundle import ANEW

PROCESSOR_S, TRIED_WITHIN_S = 10, 60
"""Seconds of processor time, and of a clock, in which a bundle must be loaded.

The released one takes half a second of either; on a machine that is busy, many times as long by the clock alone.
"""

PROMPT = "error: "
"""What `python -m models check` begins the reason of a refusal with, on a line of its own of standard error."""


ENDED_BY = {
    "SIGXCPU": f"Loading the model took more than {PROCESSOR_S} s of a processor",
    "SIGALRM": f"Loading the model did not end within {TRIED_WITHIN_S} s",
}
"""Why a trial was ended, by the signal that it set for that."""


class Trial:
    """Has `python -m models check` load the bundle in a folder; it ends by itself, whoever waits for it.

    Raises BrokenBundle where no process can be started.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, without a shell
                [sys.executable, "-m", "models", "check", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise BrokenBundle(
                f"The bundle cannot be tried ({error.strerror}): see what this machine lacks, then put it there again."
            ) from error

    def passed(self, within_s: float | None = None) -> bool:
        """Return whether the bundle was loaded, or False if that is not known after so many seconds; None is for ever.

        Raises BrokenBundle with the reason if it was not loaded.
        """
        try:
            status = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        _, said = self._process.communicate()
        if status > 0:
            _, prompt, reason = said.rpartition(PROMPT)
            raise BrokenBundle(reason.strip() if prompt else f"Loading the model failed. {ANEW}")
        if status < 0:
            name = signal.Signals(-status).name
            raise BrokenBundle(f"{ENDED_BY.get(name, f'Loading the model ended whoever tried it ({name})')}. {ANEW}")
        return True

    @staticmethod
    def bound() -> None:
        """Have this process, which is to try a bundle, ended if that takes too long."""
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S + 1))  # the second is that of SIGKILL
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what ends it need not fill the disk
        signal.alarm(TRIED_WITHIN_S)

    def abandon(self) -> None:
        """End the trial, whose outcome nobody wants any more."""
        self._process.kill()
        self._process.communicate()
