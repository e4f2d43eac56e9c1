"""The ledger of batches, over a real Redis under a clock that the tests move."""

from dataclasses import replace

import pytest
from redis import Redis

from core.errors import ExpiredBatch, UnknownBatch
from core.ids import new_id
from core.ledger.batch import DonePart, Form, Format, Join, NewPart
from core.ledger.job import JobError, State
from core.ledger.protocol import Idempotency, SubmitStatus
from core.ledger.redis.batch_record import BegunPart, ClaimedPart, NewBatch
from core.ledger.redis.batches import Batches
from core.ledger.redis.callbacks import RedisCallbacks
from core.ledger.redis.keys import BATCHES
from core.schema.patient import COLUMNS
from core.settings import Settings
from core.transport.message import Message
from tests.ledgers import Clock

LINES = 6_000
PARTS_AT_MOST = 9
FORM = Form(Format.CSV, COLUMNS, join=Join.IDS, id_column="id", model_version="1.0.0")


@pytest.fixture
def batches(redis: Redis, settings: Settings, clock: Clock) -> Batches:
    """An empty ledger of batches."""
    return Batches(redis, settings, clock)


def new_batch(parts: int = 3, rejected_limit: int | None = None, same: Idempotency | None = None) -> NewBatch:
    """Return a batch of so many parts."""
    cut = [NewPart(number=n + 1, first_line=2 + n * LINES, lines=LINES) for n in range(parts)]
    return NewBatch(new_id(), FORM, cut, parts * 100, rejected_limit, same)


def create(batches: Batches, batch: NewBatch) -> list[Message]:
    """Write a batch down and return its messages."""
    batches.hold(batch.id, 60)
    verdict, id, messages = batches.create(batch)
    assert (verdict, id) == (SubmitStatus.ACCEPTED, batch.id)
    return messages


def done(rejected: int = 0) -> DonePart:
    """Return what came of a part of ten rows."""
    return DonePart(
        rows=10, scored=10 - rejected, rejected=rejected, results_bytes=200, errors_bytes=30 * rejected, attempt="1"
    )


def take(batches: Batches, messages: list[Message]) -> list[ClaimedPart]:
    """Claim all that waits, or what the messages name."""
    turns = [message for message in messages if message.ids] or [Message(0, [])] * PARTS_AT_MOST
    return [part for message in turns for part in batches.claim(message)]


def test_a_batch_runs_from_its_first_part_and_ends_with_its_last(batches: Batches) -> None:
    batch = new_batch()
    messages = create(batches, batch)
    assert [len(message.ids) for message in messages] == [0]
    parts = take(batches, messages)
    assert [(part.batch, part.number, part.first_line) for part in parts] == [
        (batch.id, 1, 2),
        (batch.id, 2, 2 + LINES),
        (batch.id, 3, 2 + 2 * LINES),
    ]
    assert batches.read(batch.id).state is State.QUEUED
    assert {batches.begin(part) for part in parts} == {BegunPart(FORM, None, "")}
    assert batches.read(batch.id).state is State.RUNNING
    assert [batches.finish(part, done(rejected=1)) for part in parts] == [True] * 3
    ended = batches.read(batch.id)
    assert (ended.state, ended.counts.rows, ended.counts.scored, ended.counts.rejected) == ("succeeded", 30, 27, 3)
    assert (ended.counts.parts, ended.counts.parts_done) == (3, 3)
    assert batches.done(batch.id) == {1: done(1), 2: done(1), 3: done(1)}


def test_a_part_is_counted_once(batches: Batches, clock: Clock) -> None:
    batch = new_batch(parts=2)
    first, _ = take(batches, create(batches, batch))
    clock.move(7)  # past the lease: another worker is given it as well
    again = take(batches, batches.reap())
    assert first in again
    assert batches.finish(first, done())
    assert not batches.finish(first, done(rejected=5))
    assert batches.read(batch.id).counts.rows == 10


def test_a_part_that_is_renewed_is_not_given_to_another(batches: Batches, clock: Clock) -> None:
    (part,) = take(batches, create(batches, new_batch(parts=1)))
    for _ in range(5):
        clock.move(4)
        batches.renew([part])
        assert batches.reap() == []


@pytest.mark.parametrize("end", ["cancel", "fail"])
def test_an_ended_batch_takes_no_more_results_and_keeps_those_it_has(batches: Batches, end: str) -> None:
    batch = new_batch()
    first, second, _ = take(batches, create(batches, batch))
    batches.finish(first, done())
    if end == "cancel":
        assert batches.cancel(batch.id).state is State.CANCELED
    else:
        batches.fail(batch.id, JobError(code="broken", message="It broke."))
        assert batches.read(batch.id).error == JobError(code="broken", message="It broke.")
    assert batches.begin(second) is None
    assert not batches.finish(second, done())
    assert batches.reap() == []
    assert batches.done(batch.id) == {1: done()}
    state = batches.read(batch.id).state
    assert batches.cancel(batch.id).state is state


def test_too_many_rejected_rows_end_it(batches: Batches) -> None:
    batch = new_batch(rejected_limit=2)
    first, second, third = take(batches, create(batches, batch))
    assert batches.finish(first, done(rejected=2))
    assert batches.read(batch.id).state is not State.FAILED
    assert batches.finish(second, done(rejected=1))
    failed = batches.read(batch.id)
    assert (failed.state, failed.error and failed.error.code) == ("failed", "too-many-rejected")
    assert not batches.finish(third, done())


def test_a_part_that_no_worker_comes_back_from_ends_it(batches: Batches, clock: Clock) -> None:
    batch = new_batch(parts=2)
    messages = create(batches, batch)
    for _ in range(4):
        take(batches, messages)
        clock.move(7)
        messages = batches.reap()
    failed = batches.read(batch.id)
    assert (failed.state, failed.error and failed.error.code) == ("failed", "quarantined")
    assert take(batches, messages) == []


def test_the_same_file_with_the_same_key_is_one_batch(batches: Batches) -> None:
    first, again = (new_batch(same=Idempotency("key", "print")) for _ in range(2))
    create(batches, first)
    batches.hold(again.id, 60)
    assert batches.create(again) == (SubmitStatus.REPLAYED, first.id, [])
    other = new_batch(same=Idempotency("key", "other"))
    assert batches.create(other)[0] is SubmitStatus.MISMATCH
    assert batches.create(first)[:2] == (SubmitStatus.ACCEPTED, first.id)  # a call whose answer was lost


def test_an_upload_that_was_given_up_is_swept_and_cannot_become_a_batch(batches: Batches, clock: Clock) -> None:
    slow, quick = new_batch(), new_batch()
    batches.hold(slow.id, 10)
    batches.hold(quick.id, 10)
    clock.move(8)
    batches.hold(quick.id, 10)
    clock.move(4)
    assert batches.list_trash() == [slow.id]
    assert batches.create(slow)[0] is SubmitStatus.GIVEN_UP
    assert batches.create(quick)[0] is SubmitStatus.ACCEPTED
    batches.note_deleted(slow.id)
    assert batches.list_trash() == []


@pytest.mark.parametrize("swept", [False, True])
def test_an_upload_whose_hold_ran_out_cannot_be_held_again(batches: Batches, clock: Clock, swept: bool) -> None:
    frozen = new_batch()
    assert batches.hold(frozen.id, 10)
    clock.move(11)
    if swept:
        batches.note_deleted(frozen.id)
    assert not batches.hold(frozen.id, 10, again=True)
    assert batches.create(frozen)[0] is SubmitStatus.GIVEN_UP
    assert batches.list_trash() == [frozen.id]  # for what was written since


def test_above_the_limit_no_batch_is_accepted(redis: Redis, clock: Clock) -> None:
    batches = Batches(redis, Settings(bulk_backlog_limit=LINES * 4), clock)
    create(batches, new_batch(parts=3))
    full = new_batch(parts=2)
    batches.hold(full.id, 60)
    assert batches.create(full)[0] is SubmitStatus.FULL


def test_erasing_leaves_no_trace_but_the_order_to_sweep_the_store(redis: Redis, batches: Batches) -> None:
    batch = new_batch(same=Idempotency("key", "print"))
    first, *_ = take(batches, create(batches, batch))
    batches.begin(first)
    batches.finish(first, done())
    batches.erase(batch.id)
    assert batches.list_trash() == [batch.id]
    batches.note_deleted(batch.id)
    left = {key for key in redis.scan_iter() if not key.startswith((b"sl:part:claimed", b"sl:part:drained"))}
    assert left <= {b"sl:part:backlog", b"sl:part:passed", b"sl:batch:trash", b"sl:accepted"}
    assert redis.get("sl:part:backlog") == b"0"
    with pytest.raises(UnknownBatch):
        batches.read(batch.id)
    assert not batches.finish(first, done())


def test_what_a_batch_left_is_swept_when_its_time_is_over(batches: Batches, clock: Clock, redis: Redis) -> None:
    batch = new_batch(parts=1)
    (part,) = take(batches, create(batches, batch))
    batches.finish(part, done())
    assert batches.list_trash() == []
    clock.move(Settings().result_ttl + 1)
    assert batches.list_trash() == [batch.id]
    redis.delete(f"sl:batch:job:{batch.id}")  # as Redis does when its time has come
    with pytest.raises(ExpiredBatch):
        batches.read(batch.id)
    clock.move(Settings().gone_ttl + 1)
    batches.trim()
    with pytest.raises(UnknownBatch):
        batches.read(batch.id)


def test_batches_are_listed_newest_first(batches: Batches) -> None:
    made = [new_batch(parts=1) for _ in range(3)]
    for batch in made:
        create(batches, batch)
    batches.cancel(made[1].id)
    listed = batches.page(state=None, limit=2, after=None)
    assert [str(batch.id) for batch in listed.items] == [made[2].id, made[1].id]
    assert listed.has_more
    assert [str(b.id) for b in batches.page(state=State.CANCELED, limit=5, after=None).items] == [made[1].id]


def test_a_batch_that_took_long_is_listed_as_long_as_it_is_kept(batches: Batches, clock: Clock) -> None:
    batch = new_batch(parts=1)
    (part,) = take(batches, create(batches, batch))
    clock.move(Settings().result_ttl + Settings().gone_ttl + 1)
    assert batches.finish(part, done())
    batches.trim()
    assert [str(kept.id) for kept in batches.page(state=None, limit=5, after=None).items] == [batch.id]


def test_how_a_file_is_read_is_told_of_any_batch_that_there_is(batches: Batches) -> None:
    batch = new_batch()
    create(batches, batch)
    assert batches.form(batch.id) == batch.form
    with pytest.raises(UnknownBatch):
        batches.form(new_id())


def test_a_part_that_is_put_back_is_sent_again_however_often(batches: Batches, clock: Clock) -> None:
    (part,) = take(batches, create(batches, new_batch(parts=1)))
    for _ in range(10):
        batches.put_back(part, 2)
        assert not batches.claim(Message(clock.ms, []))
        assert take(batches, [Message(clock.ms, [part.id])]) == [part]
        batches.put_back(part, 2)
        clock.move(1)
        assert batches.reap() == []
        clock.move(1.1)
        messages = batches.reap()
        assert [message.ids for message in messages] == [[part.id]]
        assert take(batches, messages) == [part]
    assert batches.finish(part, done())


def test_the_last_message_of_all_can_be_lost(batches: Batches, clock: Clock, settings: Settings) -> None:
    create(batches, new_batch(parts=1))
    assert batches.reap() == []
    clock.move(settings.resend_after_s)
    (turn,) = batches.reap()
    assert turn.ids == []
    assert batches.reap() == []
    assert len(take(batches, [turn])) == 1
    clock.move(settings.resend_after_s)
    assert batches.reap() == []  # it is in good hands


def test_what_the_store_has_and_no_ledger_knows_is_a_stray(batches: Batches) -> None:
    batch, uploading, stray = new_batch(), new_id(), new_id()
    create(batches, batch)
    batches.hold(uploading, 60)
    assert batches.find_strays([batch.id, uploading, stray]) == [stray]
    assert batches.find_strays([]) == []


@pytest.mark.parametrize("end", ["done", "canceled", "erased"])
def test_the_callback_of_a_batch_is_due_with_its_end(
    batches: Batches, redis: Redis, settings: Settings, clock: Clock, end: str
) -> None:
    callbacks = RedisCallbacks(redis, settings, clock, BATCHES)
    batch = replace(new_batch(parts=1), callback="https://receiver.example/")
    (part,) = take(batches, create(batches, batch))
    assert (callbacks.due().callbacks, callbacks.claim()) == (0, [])
    if end == "done":
        batches.finish(part, done())
    elif end == "canceled":
        batches.cancel(batch.id)
    else:
        batches.erase(batch.id)
    told = [(one.id, one.url, one.state, one.kind, one.attempt) for one in callbacks.claim()]
    state = {"done": State.SUCCEEDED, "canceled": State.CANCELED}.get(end)
    assert told == ([(batch.id, "https://receiver.example/", state, "batch", 1)] if state else [])
    callbacks.forget(batch.id)
    clock.move(3_600)
    assert callbacks.claim() == []
