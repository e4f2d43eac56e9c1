"""What any ledger promises while nothing fails; held against both ledgers, the one in Redis and its twin."""

import pytest
from redis import Redis

from bench.local.conditions import wait_until
from core.errors import ExpiredJob, UnknownJob
from core.ids import new_id, probe_job_id
from core.ledger.job import JobError, State
from core.ledger.protocol import Ledger, Outcome, SubmitStatus
from core.ledger.redis.keys import ACCEPTED, JOBS
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.message import Message
from tests.ledgers import Clock, Make, make_ledger, run, score, submit
from tests.patients import ROW, new_job


def test_a_submitted_job_is_queued_then_running_then_succeeded(ledger: Ledger) -> None:
    job = new_job(2)
    message = submit(ledger, job)
    assert ledger.read(job.id).state is State.QUEUED
    [claimed] = ledger.claim(message)
    assert [tuple(row) for row in claimed.rows] == [ROW, ROW]
    assert ledger.read(job.id).state is State.RUNNING
    assert ledger.finish(score([claimed], risk=0.75)) == 1
    done = ledger.answer(job.id).to_job()
    assert (done.state, done.patients) == (State.SUCCEEDED, 2)
    assert [(one.risk, one.prediction, one.model_version) for one in done.scores or []] == [
        (0.75, "disease", "1.0.0"),
        (0.75, "disease", "1.0.0"),
    ]
    assert done.started_at
    assert done.finished_at


def test_whether_to_explain_travels_with_a_job_to_each_worker_that_claims_it(
    ledger: Ledger, clock: Clock, settings: Settings
) -> None:
    jobs = [new_job(explain=asked) for asked in (True, False, True)]
    message = submit(ledger, *jobs)
    assert [one.explain for one in ledger.claim(message)] == [True, False, True]
    for _ in range(settings.deliveries_limit - 1):
        clock.move(settings.lease_s + 1)
        assert ledger.claim(Message(clock.ms, [jobs[0].id]))[0].explain
    clock.move(settings.lease_s + 1)
    assert not ledger.claim(Message(clock.ms, [jobs[0].id]))
    [replayed] = ledger.claim(ledger.replay(jobs[0].id, new_id()))
    assert replayed.explain


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("trace", [None, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"])
def test_the_model_that_a_job_asks_for_travels_with_it_and_into_its_replay(
    ledger: Ledger, clock: Clock, settings: Settings, explain: bool, trace: str | None
) -> None:
    for version in ("1.1.0+91513000", " of two  words", "0 1", "1"):
        job = new_job(explain=explain, trace=trace, model_version=version)
        [claimed] = ledger.claim(submit(ledger, job))
        assert (claimed.model_version, claimed.explain, claimed.trace) == (version, explain, trace)
        for _ in range(settings.deliveries_limit):
            clock.move(settings.lease_s + 1)
            ledger.claim(Message(clock.ms, [job.id]))
        [replayed] = ledger.claim(ledger.replay(job.id, new_id()))
        assert (replayed.model_version, replayed.explain) == (version, explain)


def test_only_one_worker_holds_a_job_until_its_lease_ends(ledger: Ledger, clock: Clock, settings: Settings) -> None:
    job = new_job()
    message = submit(ledger, job)
    assert ledger.claim(message)
    assert not ledger.claim(message)
    clock.move(settings.lease_s + 1)
    assert not ledger.claim(message)
    assert ledger.claim(Message(clock.ms, [job.id]))


def test_the_first_outcome_stays(ledger: Ledger) -> None:
    job = new_job()
    claimed = ledger.claim(submit(ledger, job))
    assert ledger.finish(score(claimed, risk=0.1)) == 1
    first = ledger.read(job.id)
    assert ledger.finish(score(claimed, risk=0.9)) == 0
    assert ledger.finish([Outcome(job.id, error=JobError(code="late", message="late"))]) == 0
    assert ledger.read(job.id) == first


def test_a_job_that_fails_keeps_its_reason_and_harms_no_other(ledger: Ledger) -> None:
    good, bad = new_job(), new_job()
    claimed = ledger.claim(submit(ledger, good, bad))
    error = JobError(code="scoring-failed", message="why")
    ledger.finish([*score(claimed[:1]), Outcome(bad.id, error=error)])
    assert ledger.read(good.id).state is State.SUCCEEDED
    assert (ledger.read(bad.id).state, ledger.read(bad.id).error) == (State.FAILED, error)


def test_the_same_key_and_body_is_the_same_job(ledger: Ledger) -> None:
    first, again, other = new_job(key="k"), new_job(key="k"), new_job(key="k", body="another")
    submit(ledger, first)
    assert ledger.submit([again]).statuses == [(SubmitStatus.REPLAYED, first.id)]
    assert ledger.submit([other]).statuses == [(SubmitStatus.MISMATCH, other.id)]
    with pytest.raises(UnknownJob):
        ledger.read(again.id)
    assert ledger.load().backlog_records == 1


def test_a_key_is_busy_while_its_first_submit_is_being_written(ledger: Ledger) -> None:
    first, again = new_job(key="k"), new_job(key="k")
    verdicts = ledger.submit([first, again]).statuses
    assert verdicts == [(SubmitStatus.ACCEPTED, first.id), (SubmitStatus.BUSY, again.id)]


def test_a_canceled_job_is_never_scored(ledger: Ledger) -> None:
    queued, running = new_job(), new_job()
    claimed = ledger.claim(submit(ledger, running))
    message = submit(ledger, queued)
    assert ledger.cancel(queued.id).state is State.CANCELED
    assert ledger.cancel(running.id).state is State.CANCELED
    assert not ledger.claim(message)
    assert ledger.finish(score(claimed)) == 0
    assert ledger.answer(running.id).scores is None
    assert ledger.load().backlog_records == 0


def test_canceling_an_ended_job_changes_nothing(ledger: Ledger) -> None:
    job = new_job()
    run(ledger, submit(ledger, job))
    done = ledger.read(job.id)
    assert ledger.cancel(job.id) == done
    with pytest.raises(UnknownJob):
        ledger.cancel(new_id())


@pytest.mark.parametrize("stage", ["queued", "running", "succeeded"])
def test_an_erased_job_is_unknown_and_its_message_finds_nothing(ledger: Ledger, stage: str) -> None:
    job = new_job(key="k")
    message = submit(ledger, job)
    claimed = ledger.claim(message) if stage != "queued" else []
    if stage == "succeeded":
        ledger.finish(score(claimed))
    ledger.erase(job.id)
    with pytest.raises(UnknownJob):
        ledger.read(job.id)
    with pytest.raises(UnknownJob):
        ledger.erase(job.id)
    assert not ledger.claim(message)
    assert ledger.finish(score(claimed)) == 0
    assert ledger.load().backlog_records == 0
    assert ledger.submit([new_job(key="k", body="another")]).statuses[0][0] is SubmitStatus.ACCEPTED


def test_an_erased_job_leaves_no_key_behind(redis: Redis, settings: Settings) -> None:
    ledger = RedisLedger(redis, settings)
    job = new_job(key="k", cancel_after_s=60)
    submit(ledger, job)
    ledger.erase(job.id)
    assert {key.decode() for key in redis.scan_iter()} <= {JOBS.backlog, ACCEPTED}  # which count, and name nothing


def test_a_job_past_its_deadline_expires(ledger: Ledger, clock: Clock) -> None:
    queued, swept = new_job(cancel_after_s=5), new_job(cancel_after_s=5)
    in_time = new_job(cancel_after_s=5)
    run(ledger, submit(ledger, in_time))
    message = submit(ledger, queued)
    submit(ledger, swept)
    clock.move(6)
    assert not ledger.claim(message)
    assert ledger.read(queued.id).state is State.EXPIRED
    ledger.reap()
    assert ledger.read(swept.id).state is State.EXPIRED
    assert ledger.read(in_time.id).state is State.SUCCEEDED
    assert ledger.load().backlog_records == 0


def test_above_the_backlog_limit_a_submit_is_full(make: Make, settings: Settings) -> None:
    ledger = make(settings.model_copy(update={"backlog_limit": 3}))
    verdicts = ledger.submit([new_job(2), new_job(2), new_job(1)]).statuses
    assert [verdict for verdict, _ in verdicts] == [SubmitStatus.ACCEPTED, SubmitStatus.FULL, SubmitStatus.ACCEPTED]
    assert ledger.load().backlog_records == 3


def test_the_drain_rate_is_what_was_finished_of_late(ledger: Ledger, clock: Clock) -> None:
    assert ledger.load().drain_per_s == 0
    run(ledger, submit(ledger, *[new_job(10) for _ in range(10)]))
    assert ledger.load().drain_per_s == 20
    clock.move(11)
    assert ledger.load().drain_per_s == 0


def test_jobs_are_listed_newest_first_in_pages(ledger: Ledger) -> None:
    jobs = [new_job() for _ in range(7)]
    submit(ledger, *jobs)
    ledger.finish(score(ledger.claim(Message(0, []), jobs=3)))
    ids = [job.id for job in reversed(jobs)]
    first = ledger.page(state=None, limit=5, after=None)
    assert ([str(job.id) for job in first.items], first.has_more) == (ids[:5], True)
    last = ledger.page(state=None, limit=5, after=ids[4])
    assert ([str(job.id) for job in last.items], last.has_more) == (ids[5:], False)
    done = ledger.page(state=State.SUCCEEDED, limit=5, after=None)
    assert [str(job.id) for job in done.items] == ids[4:]
    assert not ledger.page(state=State.FAILED, limit=5, after=None).items


def test_canaries_are_not_listed(ledger: Ledger) -> None:
    canary = new_job()
    submit(ledger, type(canary)(probe_job_id(), canary.rows))
    assert not ledger.page(state=None, limit=5, after=None).items


@pytest.mark.parametrize("kind", ["redis", "memory"])
def test_a_result_is_kept_for_its_time_then_gone_then_unknown(kind: str, redis: Redis, settings: Settings) -> None:
    clock = Clock()
    ledger = make_ledger(kind, redis, settings.model_copy(update={"result_ttl": 1, "gone_ttl": 5}), clock)
    job = new_job()
    run(ledger, submit(ledger, job))
    assert ledger.read(job.id).state is State.SUCCEEDED
    clock.move(2)
    wait_until(lambda: ledger.state(job.id) is None, within_s=5, what="the result to expire")
    with pytest.raises(ExpiredJob):
        ledger.read(job.id)
    assert not ledger.page(state=None, limit=5, after=None).items
    ledger.trim()
    with pytest.raises(ExpiredJob):
        ledger.read(job.id)
    clock.move(10)
    ledger.trim()
    with pytest.raises(UnknownJob):
        ledger.read(job.id)


def test_consumption_is_seen_only_after_a_job_was_scored(ledger: Ledger) -> None:
    assert not ledger.consumed_lately()
    claimed = ledger.claim(submit(ledger, new_job()))
    assert not ledger.consumed_lately()
    ledger.finish([Outcome(claimed[0].id, error=JobError(code="no", message="no"))])
    assert not ledger.consumed_lately()
    run(ledger, submit(ledger, new_job()))
    assert ledger.consumed_lately()


def test_patients_are_erased_when_their_job_ends(redis: Redis, settings: Settings) -> None:
    ledger = RedisLedger(redis, settings)
    scored, canceled = new_job(), new_job()
    run(ledger, submit(ledger, scored))
    submit(ledger, canceled)
    ledger.cancel(canceled.id)
    for job in (scored, canceled):
        assert redis.hget(JOBS.job + job.id, "rows") == b""


def test_of_one_owner_the_most_urgent_come_first_and_of_those_the_oldest(ledger: Ledger, clock: Clock) -> None:
    urgencies = [3, 7, 3, 0, 7, 0]
    jobs = [new_job(priority=urgency) for urgency in urgencies]
    for job in reversed(jobs):
        submit(ledger, job)
        clock.move(0.1)
    expected = [jobs[place].id for place in (5, 3, 2, 0, 4, 1)]
    assert [one.id for one in ledger.claim(Message(clock.ms, []), jobs=4)] == expected[:4]
    assert [one.id for one in ledger.claim(Message(clock.ms, []), jobs=4)] == expected[4:]
    assert not ledger.claim(Message(clock.ms, []))


def test_what_a_claim_takes_is_bounded_in_records(ledger: Ledger) -> None:
    small, large = new_job(), new_job(10_000)
    message = submit(ledger, small)
    submit(ledger, large)
    assert [one.id for one in ledger.claim(message)] == [small.id]
    assert [one.id for one in ledger.claim(Message(0, []))] == [large.id]


def test_who_holds_a_large_job_takes_small_ones_only(ledger: Ledger) -> None:
    small, large = new_job(5), new_job(10_000)
    submit(ledger, small)
    submit(ledger, large)
    assert [one.id for one in ledger.claim_small(10)] == [small.id]
    assert not ledger.claim_small(10)
    assert [one.id for one in ledger.claim(Message(0, []))] == [large.id]


def test_a_turn_is_wanted_where_jobs_wait_for_which_no_message_hangs(ledger: Ledger) -> None:
    assert not ledger.wants_message()
    message = submit(ledger, new_job())
    assert ledger.wants_message()
    run(ledger, message)
    assert not ledger.wants_message()
