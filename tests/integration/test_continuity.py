"""A ledger that is not what it was is seen by who compares it, once, and nothing else is taken for one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from bench.local.conditions import wait_until
from core.ids import first_id_at, new_id, probe_job_id
from core.ledger.batch import Form, Format, NewPart
from core.ledger.continuity import MIRROR, Continuity, Mirror
from core.ledger.protocol import NewJob, SubmitStatus
from core.ledger.redis.batch_record import NewBatch
from core.ledger.redis.batches import Batches
from core.ledger.redis.checkpoint import Checkpoint
from core.ledger.redis.keys import CHECKPOINT
from core.ledger.redis.ledger import RedisLedger
from core.schema.patient import EXAMPLE, Patient
from core.settings import Settings
from core.storage.store import Store
from tests.ledgers import Clock

ROW = Patient.model_validate(EXAMPLE).to_row()
Dump = dict[bytes, bytes]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(Settings(store=f"file://{tmp_path}/store"))


@pytest.fixture
def start(redis: Redis, settings: Settings, store: Store, clock: Clock) -> Callable[..., Continuity]:
    """Start the part of a program that compares; one that `keeps` is a sweep's."""

    def start(*, keeps: bool = False) -> Continuity:
        return Continuity(redis, settings, Mirror(store), clock, keeps=keeps)

    return start


@pytest.fixture
def submit(redis: Redis, settings: Settings, clock: Clock) -> Callable[..., str]:
    """Submit a job, and return its id."""

    def submit(id: str = "") -> str:
        id = id or f"{first_id_at(clock.ms)}{new_id()[13:]}"
        RedisLedger(redis, settings, clock).submit([NewJob(id, [ROW])])
        return id

    return submit


def dump(redis: Redis) -> Dump:
    """Return all that is in Redis."""
    return {key: redis.dump(key) or b"" for key in redis.scan_iter()}


def restore(redis: Redis, dump: Dump) -> None:
    """Have Redis hold that and nothing else."""
    redis.flushdb()
    for key, value in dump.items():
        redis.restore(key, 0, value)


def read(store: Store) -> Checkpoint:
    """Return what is mirrored."""
    found = Mirror(store).read()
    assert found
    return found


def test_the_mirror_follows_what_is_accepted_and_rests_where_nothing_is(
    start: Callable[..., Continuity], submit: Callable[..., str], store: Store, clock: Clock, tmp_path: Path
) -> None:
    sweep = start(keeps=True)
    sweep.compare()
    first, written_ns = read(store), (tmp_path / "store" / MIRROR).stat().st_mtime_ns
    clock.move(2)
    submit(probe_job_id())
    sweep.compare()
    assert (read(store), (tmp_path / "store" / MIRROR).stat().st_mtime_ns) == (first, written_ns)
    submit()
    sweep.compare()
    assert (read(store).epoch, read(store).mark_ms) == (first.epoch, clock.ms)
    assert (tmp_path / "store" / MIRROR).stat().st_size < 200


def test_a_job_that_is_submitted_before_anyone_looks_does_not_hide_what_was_lost(
    start: Callable[..., Continuity], submit: Callable[..., str], redis: Redis, clock: Clock
) -> None:
    sweep, gateway = start(keeps=True), start()
    sweep.compare()
    older = dump(redis)
    clock.move(1000)
    lost = submit()
    sweep.compare()
    restore(redis, older)
    for _ in range(100):
        submit()
    sweep.compare()
    assert gateway.lost(lost)


def test_a_batch_whose_upload_was_going_on_in_the_copy_is_lost_though_its_id_is_older(
    start: Callable[..., Continuity], submit: Callable[..., str], redis: Redis, settings: Settings, clock: Clock
) -> None:
    batches, sweep, gateway = Batches(redis, settings, clock), start(keeps=True), start()
    long_ago, batch = first_id_at(clock.ms - 1), f"{first_id_at(clock.ms)}{new_id()[13:]}"
    batches.hold(batch, 10_000)
    clock.move(1000)
    submit()
    sweep.compare()
    older = dump(redis)
    verdict, _, _ = batches.create(NewBatch(batch, Form(Format.JSONL), [NewPart(number=1, first_line=1, lines=1)], 1))
    assert verdict is SubmitStatus.ACCEPTED
    clock.move(1)
    sweep.compare()
    restore(redis, older)
    sweep.compare()
    assert gateway.lost(batch)
    assert not gateway.lost(f"{long_ago}{new_id()[13:]}")


@pytest.mark.parametrize("way", ["emptied", "older", "other"])
def test_a_loss_is_noted_once_whoever_compares_and_each_says_so_once(
    way: str,
    start: Callable[..., Continuity],
    submit: Callable[..., str],
    redis: Redis,
    store: Store,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    everyone = [start(keeps=True), start(keeps=True), start(), start()]
    everyone[0].compare()
    older = dump(redis)
    clock.move(1)
    submit()
    for program in everyone:
        program.compare()
    restore(redis, older if way == "older" else {})
    if way == "other":
        redis.hset(CHECKPOINT, mapping={"epoch": "another", "mark": clock.ms, "accepted": 0})
    for program in everyone[::-1] * 2:
        clock.move(0.3)
        program.compare()
    assert [loss.how for loss in read(store).losses] == [way]
    assert [record.levelname for record in caplog.records] == ["ERROR"] * len(everyone)


def test_each_turn_from_one_redis_to_another_loses_what_the_former_was_given(
    start: Callable[..., Continuity], submit: Callable[..., str], redis: Redis, store: Store, clock: Clock
) -> None:
    redis.hset(CHECKPOINT, mapping={"epoch": "other", "mark": clock.ms, "accepted": 0})
    held = {"other": dump(redis)}
    redis.flushdb()
    for name, next_name in (("first", "other"), ("other", "first"), ("first", "other")):
        sweep = start(keeps=True)
        sweep.compare()
        clock.move(1)
        lost = submit()
        clock.move(1)
        sweep.compare()
        held[name] = dump(redis)
        restore(redis, held[next_name])
        clock.move(1)
        start(keeps=True).compare()
        assert read(store).losses[-1].until_ms == clock.ms
        assert start().lost(lost)


def test_a_loss_is_told_of_though_the_redis_in_which_it_was_noted_is_set_back(
    start: Callable[..., Continuity], submit: Callable[..., str], redis: Redis, store: Store, clock: Clock
) -> None:
    lost = submit()
    start(keeps=True).compare()
    redis.flushdb()
    clock.move(1000)
    redis.hset(CHECKPOINT, mapping={"epoch": "other", "mark": clock.ms, "accepted": 0})
    older = dump(redis)
    clock.move(1)
    submit()
    sweep = start(keeps=True)
    sweep.compare()
    restore(redis, older)
    clock.move(1)
    sweep.compare()
    assert [loss.how for loss in read(store).losses] == ["other", "older"]
    assert start().lost(lost)


def test_losses_are_told_of_for_as_long_as_an_id_may_be_gone(
    start: Callable[..., Continuity],
    submit: Callable[..., str],
    redis: Redis,
    store: Store,
    settings: Settings,
    clock: Clock,
) -> None:
    sweep, lost = start(keeps=True), submit()
    sweep.compare()
    redis.flushdb()
    sweep.compare()
    clock.move(settings.result_ttl + settings.gone_ttl - 1)
    assert start().lost(lost)
    clock.move(1)
    start(keeps=True).compare()
    assert not start().lost(lost)
    assert read(store).losses == ()


def test_a_store_that_is_away_holds_up_nothing_and_is_compared_when_it_is_back(
    start: Callable[..., Continuity], submit: Callable[..., str], redis: Redis, store: Store, tmp_path: Path
) -> None:
    lost = submit()
    start(keeps=True).compare()
    redis.flushdb()
    (tmp_path / "store").rename(tmp_path / "away")
    sweep, gateway = start(keeps=True), start()
    for program in (sweep, gateway):
        program.compare()
    assert redis.dbsize() == 0  # it cannot be known yet whether this is a new ledger
    assert not gateway.lost(lost)
    (tmp_path / "away").rename(tmp_path / "store")

    def seen() -> bool:
        sweep.compare()
        return gateway.lost(lost)

    wait_until(seen, within_s=20, what="the store to be read")
    assert [loss.how for loss in read(store).losses] == ["emptied"]


def test_a_mirror_that_cannot_be_read_is_made_anew(
    start: Callable[..., Continuity], submit: Callable[..., str], store: Store, clock: Clock
) -> None:
    start(keeps=True).compare()
    store.write(MIRROR, b'{"epoch": 1')
    clock.move(1)
    submit()
    start(keeps=True).compare()
    assert read(store).mark_ms == clock.ms
    assert read(store).losses == ()


def test_a_ledger_from_before_there_were_epochs_is_no_loss(
    start: Callable[..., Continuity], submit: Callable[..., str], redis: Redis, store: Store
) -> None:
    submit()
    redis.delete("sl:accepted")
    start(keeps=True).compare()
    assert read(store).losses == ()
