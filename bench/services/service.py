"""Measures one service over HTTP."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Bench, Figures
from bench.load.wrk import Road, drain, drive, write_patients

Start = Callable[[Path, Path], AbstractContextManager[str]]
"""Starts a service, given an empty folder and the one that keeps environments; gives the service's URL."""

WARM_S = 1
PATIENTS_IN_JOB, CLIENTS_WITH_MANY = 1_000, 4


@dataclass(frozen=True, slots=True)
class Service:
    """A service, the road of a job through it, and the numbers of clients that it is measured with.

    With `submits`, clients are measured as well who only submit; with `lists`, such as send many patients in a job.
    """

    name: str
    start: Start
    road: Road
    clients: Sequence[int]
    submits: bool = True
    lists: bool = False

    def measure(self, bench: Bench) -> Figures:
        """Return the service's figures: it is started, warmed up and stopped again.

        `accepted` and `scored` are jobs a second when clients only submit: up to the last answer, and up to the last
        score. `seen` is jobs a second, and `p50` and `p99` milliseconds from submit to result, when each client sees
        its job scored before it submits the next. `patients` is patients a second, by clients that each wait for
        a job of 1,000. Raises Overwhelmed.
        """
        figures: Figures = {}
        with self.start(bench.folder, bench.kept) as url:
            bodies = write_patients(bench.folder / "patients.jsonl", 1)
            drive(url, self.road, bodies, clients=max(self.clients), seconds=WARM_S, follow=True)
            for clients in self.clients:
                for name, value in self._measure_with(clients, url, bodies, bench.seconds):
                    figures[self.name, clients, name] = value
            if self.lists:
                bodies = write_patients(bench.folder / "lists.jsonl", PATIENTS_IN_JOB)
                load = drive(url, self.road, bodies, clients=CLIENTS_WITH_MANY, seconds=bench.seconds, follow=True)
                figures[self.name, CLIENTS_WITH_MANY, "patients"] = PATIENTS_IN_JOB * load.scored / load.seconds
        return figures

    def _measure_with(self, clients: int, url: str, bodies: Path, seconds: int) -> Iterator[tuple[str, float]]:
        if self.submits:
            load = drive(url, self.road, bodies, clients=clients, seconds=seconds, follow=False)
            yield "accepted", load.submitted / load.seconds
            yield "scored", load.submitted / (load.seconds + drain(url, self.road, load.latest))
        load = drive(url, self.road, bodies, clients=clients, seconds=seconds, follow=True)
        yield "seen", load.scored / load.seconds
        yield "p50", load.p50_ms
        yield "p99", load.p99_ms
