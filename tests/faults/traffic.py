"""Submits jobs as real callers do: many at once, each under a key of its own, again and again until it is accepted."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from threading import Thread
from typing import Self
from uuid import uuid4

from tests.faults.cohort import body, patients
from tests.faults.wire import Answer, LostAnswer, Wire

JOBS = "/v1/jobs"
LATER = {409, 429, 503}  # what a caller may answer by sending the same again
LONGEST_WAIT_S = 1.0  # a Retry-After is obeyed up to here: a fault is short
AFTER_LOSS_S = 0.05


class Traffic:
    """At least `jobs` submits, and more until it is `enough`, at `rate_per_s` (0: as fast as they are accepted).

    `accepted` holds the id that each submit's 202 named, by the submit's number; one submit counts once, however
    often it had to be sent. `accepted_ms` has when the 202 came, in ms since 1970, by id.
    """

    def __init__(
        self, port: int, *, jobs: int, rate_per_s: float, connections: int, headers: Mapping[str, str] | None = None
    ) -> None:
        self.submitted = 0
        self.accepted: dict[int, str] = {}
        self.accepted_ms: dict[str, float] = {}
        self.answers: Counter[int] = Counter()
        self.lost_answers = 0
        self.slowest_refusal_s = 0.0
        self.in_flight = 0
        self.surprises: list[str] = []
        self._port, self._rate_per_s, self._connections = port, rate_per_s, connections
        self._headers = headers or {}
        self._least, self._enough = jobs, False
        self._run = uuid4().hex
        self._loop = asyncio.new_event_loop()
        self._abandoned = asyncio.Event()
        self._thread = Thread(target=self._live, name="traffic", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._abandoned.set)
        self._thread.join()

    def enough(self, within_s: float) -> None:
        """Submit no more than the least, and return when each submit has been accepted, or after `within_s` seconds."""
        self._enough = True
        self._thread.join(within_s)

    def _live(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._submit_all())

    async def _submit_all(self) -> None:
        numbers = count()
        async with asyncio.TaskGroup() as callers:
            for _ in range(self._connections):
                callers.create_task(self._call(numbers))

    async def _call(self, numbers: Iterator[int]) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        async with Wire("127.0.0.1", self._port, self._headers) as wire:
            for number in numbers:
                if self._rate_per_s:
                    await self._pause(began_s + number / self._rate_per_s - loop.time())
                if self._abandoned.is_set() or (self._enough and number >= self._least):
                    return
                self.submitted += 1
                await self._submit(wire, number)

    async def _submit(self, wire: Wire, number: int) -> None:
        key, sent = f"{self._run}-{number}", body(patients(number))
        while not self._abandoned.is_set():
            sent_s = asyncio.get_running_loop().time()
            try:
                self.in_flight += 1
                answer = await wire.post(JOBS, key, sent)
            except LostAnswer:
                self.lost_answers += 1
                await self._pause(AFTER_LOSS_S)
                continue
            finally:
                self.in_flight -= 1
            self.answers[answer.status] += 1
            if answer.status not in LATER:
                return self._keep(number, answer)
            self.slowest_refusal_s = max(self.slowest_refusal_s, asyncio.get_running_loop().time() - sent_s)
            await self._pause(answer.retry_after_s)
        return None

    def _keep(self, number: int, answer: Answer) -> None:
        if answer.status == 202:
            id = self.accepted[number] = json.loads(answer.body)["id"]
            self.accepted_ms[id] = 1000 * time.time()
        else:
            self.surprises.append(f"{answer.status} {answer.body.decode()}")

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than a fault may last, and not once the run is abandoned."""
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._abandoned.wait(), min(seconds, LONGEST_WAIT_S))
        except TimeoutError:
            return
