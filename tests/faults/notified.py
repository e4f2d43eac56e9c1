"""A house with a notifier, which tells a receiver when a job has ended."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from typing_extensions import override

from tests.faults.file_house import FileHouse
from tests.faults.house import House
from tests.receiver import SECRET

RETRY_S = 0.3
"""The first pause before a callback is tried again; those that follow are each four times longer."""


class Notified(House):
    """A house with a notifier, which may send to loopback."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        told = {"SCORELINE_CALLBACK_SECRET": SECRET, "SCORELINE_CALLBACK_PRIVATE": "true"}
        super().__init__(folder, {**settings, **told, "SCORELINE_CALLBACK_RETRY_S": str(RETRY_S)})

    @override
    def _start_others(self) -> None:
        self.notifier = self._run("notifier", partial(self._python, "worker", "notify"))


class NotifiedFiles(Notified, FileHouse):
    """The same for files."""
