"""The store is cleared of what is no batch's any more, and of nothing else."""

from pathlib import Path

import pytest
from redis import Redis

from core.ids import first_id_at, new_id
from core.ledger.batch import Form, Format, NewPart, input_key, results_key
from core.ledger.protocol import SubmitStatus
from core.ledger.redis.batch_record import NewBatch
from core.ledger.redis.batches import LATE_S, Batches
from core.settings import Settings
from core.storage.store import Store
from tests.ledgers import Clock
from worker.reaper.store_cleanup import clear_once, clear_strays

OLD = first_id_at(1_700_000_000_000) + "-7000-8000-000000000000"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(Settings(store=f"file://{tmp_path}"))


@pytest.fixture
def batches(redis: Redis, settings: Settings, clock: Clock) -> Batches:
    return Batches(redis, settings, clock)


def put(batches: Batches, store: Store, id: str, parts: int = 2) -> str:
    """Put an upload into the store, held for a minute."""
    batches.hold(id, 60)
    for number in range(1, parts + 1):
        store.write(input_key(id, number), b"rows")
        store.write(results_key(id, number, "1"), b"scores")
    return id


def create(batches: Batches, store: Store, id: str) -> str:
    """Make a batch of an upload."""
    put(batches, store, id)
    parts = [NewPart(number=number, first_line=number, lines=1) for number in (1, 2)]
    assert batches.create(NewBatch(id, Form(Format.JSONL), parts, 8))[0] is SubmitStatus.ACCEPTED
    return id


def test_what_was_erased_given_up_or_kept_for_its_time_is_deleted(
    batches: Batches, store: Store, clock: Clock, settings: Settings
) -> None:
    erased, canceled, open = (create(batches, store, new_id()) for _ in range(3))
    given_up = put(batches, store, new_id())
    batches.erase(erased)
    batches.cancel(canceled)
    assert clear_once(batches, store) == 1
    assert set(store.names("batches")) >= {canceled, given_up, open}
    assert erased not in store.names("batches")
    clock.move(61)
    assert clear_once(batches, store) == 1
    assert given_up not in store.names("batches")
    clock.move(settings.result_ttl)
    assert clear_once(batches, store) == 2  # the erased one once more
    assert canceled not in store.names("batches")
    assert open in store.names("batches")
    assert clear_once(batches, store) == 0


def test_what_was_written_late_into_an_erased_batch_is_deleted_too(batches: Batches, store: Store) -> None:
    id = create(batches, store, new_id())
    batches.erase(id)
    clear_once(batches, store)
    store.write(results_key(id, 1, "1"), b"late")
    batches.hold(id, 0)
    assert clear_once(batches, store) == 1
    assert id not in store.names("batches")


def test_what_a_worker_wrote_late_and_died_of_is_deleted_once_no_worker_can_write_more(
    batches: Batches, store: Store, clock: Clock, settings: Settings
) -> None:
    id = create(batches, store, new_id())
    batches.erase(id)
    clear_once(batches, store)
    store.write(results_key(id, 1, "1"), b"late")
    clock.move(settings.part_limit_s + LATE_S)
    assert clear_once(batches, store) == 1
    assert id not in store.names("batches")
    assert batches.list_trash() == []


def test_only_old_strays_are_deleted(batches: Batches, store: Store, settings: Settings) -> None:
    stray = new_id()
    for id in (OLD, stray, "not-ours"):
        store.write(input_key(id, 1), b"rows")
    known = create(batches, store, new_id())
    assert clear_strays(batches, store, settings) == 1
    assert set(store.names("batches")) == {stray, "not-ours", known}
