"""A worker of files that can be caught in the middle of a part: `python -m tests.faults.gated FOLDER NAME`.

It is what `python -m worker run --queue bulk` is, but for three things: a certain patient kills it, another has it stop
at a gate while the gate is armed, and it is not nice, since other programs keep the cores busy where the suite runs.
"""

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from bench.local.conditions import wait_until
from core.settings import Settings
from core.transport.queue import BULK
from models.released import Released
from models.scorer import Predictions, Scorer
from tests.faults.poison import Poisoned, is_marked
from worker.__main__ import run_celery_worker
from worker.tasks import make_worker

STOPPING = {"age": 65.0, "oldpeak": 5.55}
"""What marks the patient at whom a worker stops where the gate is armed."""

HELD_AT_MOST_S = 90
CAUGHT_WITHIN_S = 30
LOOK_EVERY_S = 0.01


class Gate:
    """Stops the first scoring process that comes by once it is armed; its state is files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._armed = folder / "armed"

    def arm(self) -> None:
        """From now on, stop whoever comes by first."""
        self._folder.mkdir(exist_ok=True)
        self._armed.touch()

    def caught(self) -> int:
        """Return the id of the process that stands at the gate, once one does."""
        found = wait_until(lambda: [*self._folder.glob("caught-*")], within_s=CAUGHT_WITHIN_S, what="a part in hand")
        return int(found[0].name.partition("-")[2])

    def open(self) -> None:
        """Let go whom the gate stopped, and stop no one else."""
        for place in (self._armed, *self._folder.glob("caught-*")):
            place.unlink(missing_ok=True)

    def come_by(self) -> None:
        """Stand still if the gate is armed, until it is opened."""
        caught = self._folder / f"caught-{os.getpid()}"
        with suppress(FileNotFoundError):
            self._armed.rename(caught)  # of several, one succeeds
            for _ in range(int(HELD_AT_MOST_S / LOOK_EVERY_S)):
                if not caught.exists():
                    return
                Event().wait(LOOK_EVERY_S)


class Gated(Poisoned):
    """The released model, which comes by the gate with a marked patient."""

    def __init__(self, scorer: Scorer, gate: Gate) -> None:
        super().__init__(scorer)
        self._gate = gate

    @override
    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        if is_marked(matrix, STOPPING):
            self._gate.come_by()
        return super().predict(matrix)


def main() -> int:
    """Be the worker until SIGTERM; return 0."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings.read()
    released, gate = Released(settings.bundle), Gate(folder)
    app = make_worker(settings, lambda: Gated(released.scorer(), gate))
    return run_celery_worker(app, name, BULK, "prefork", settings.bulk_processes)


if __name__ == "__main__":
    sys.exit(main())
