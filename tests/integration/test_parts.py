"""The scoring of parts where workers and callers come between one another, over a real Redis and a real folder."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from redis import Redis
from typing_extensions import override

from api.batches.service import BatchBackends, Files
from api.batches.upload import Uploads
from api.events.watcher import JobWatcher
from api.headroom import Headroom
from api.jobs.answers import Answers
from api.pace import Pace
from core.address import Resolver
from core.errors import UnknownBatch
from core.ids import new_id
from core.ledger.batch import DonePart, Format, NewPart, input_key
from core.ledger.key import ANYONE
from core.ledger.memory.ledger import MemoryLedger
from core.ledger.protocol import SubmitStatus
from core.ledger.redis.batch_record import NewBatch
from core.ledger.redis.batches import Batches
from core.settings import Settings
from core.storage.store import Store
from core.transport.message import Message
from models.scorer import Predictions
from monitoring.vital import VitalThreads
from tests.files import CSV, ByAge, csv_row
from tests.ledgers import Clock
from worker.bulk.scoring import score_parts

LEASE_S = 60


class Interrupted(ByAge):
    """Judges by age, in the name of a version, and has something happen meanwhile."""

    def __init__(self, version: str, meanwhile: Callable[[], object]) -> None:
        self.version = version
        self._meanwhile = meanwhile

    @override
    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        self._meanwhile()
        return super().predict(matrix)


class ErasedMeanwhile(Batches):
    """Batches each of which is erased just before it is asked what was done of it."""

    @override
    def done(self, id: str) -> dict[int, DonePart]:
        self.erase(id)
        return super().done(id)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(Settings(store=f"file://{tmp_path}"))


def create(batches: Batches, store: Store) -> tuple[str, list[Message]]:
    """Make a batch of one part; return its id and its message."""
    id = new_id()
    batches.hold(id, 60)
    store.write(input_key(id, 1), csv_row())
    verdict, _, messages = batches.create(NewBatch(id, CSV, [NewPart(number=1, first_line=2, lines=1)], 8))
    assert verdict is SubmitStatus.ACCEPTED
    return id, messages


def send(message: Message) -> None:
    """Send no turn: none is wanted where there is but one part."""
    raise AssertionError(message)


def read(batches: Batches, store: Store, settings: Settings, id: str) -> bytes:
    """Return the results as they are sent."""

    async def look() -> bytes:
        uploads, watcher = Uploads(store, settings), JobWatcher(batches.watch, batches.read_all, VitalThreads())
        resolver = Resolver(private=False, threads=1)
        answers = Answers(settings, MemoryLedger(settings, Clock()), Pace())
        bulk, headroom = BatchBackends(batches, store, lambda _: None), Headroom(None, 1)
        files = Files(settings, bulk, uploads, watcher, answers, resolver, headroom)
        try:
            download = files.find_results(id, CSV, Format.CSV, ANYONE)
        finally:
            resolver.close()
            uploads.close()
            await watcher.close()
        return b"".join(store.read(stretch.key)[: stretch.bytes] for stretch in download.ranges)

    return asyncio.run(look())


def test_a_late_worker_with_another_model_changes_no_result(
    redis: Redis, settings: Settings, clock: Clock, store: Store
) -> None:
    batches = Batches(redis, settings, clock)
    id, (message,) = create(batches, store)
    seen = list[bytes]()

    def give_away() -> None:
        clock.move(settings.lease_s + 1)
        for again in batches.reap():
            score_parts(batches, store, Interrupted("2.0.0", lambda: None), again, send, LEASE_S)
        seen.append(read(batches, store, settings, id))

    assert score_parts(batches, store, Interrupted("1.10.0", give_away), message, send, LEASE_S) == 0
    assert seen == [read(batches, store, settings, id)]
    assert b"2.0.0" in seen[0]


def test_results_of_a_batch_that_is_erased_while_they_are_looked_up_are_not_taken_for_none(
    redis: Redis, settings: Settings, store: Store
) -> None:
    batches = ErasedMeanwhile(redis, settings)
    id, (message,) = create(batches, store)
    assert score_parts(batches, store, ByAge(), message, send, LEASE_S) == 1
    with pytest.raises(UnknownBatch):
        read(batches, store, settings, id)
