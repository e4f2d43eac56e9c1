"""How owners share the workers and the backlog; held against a real Redis."""

from collections import Counter

import pytest
from redis import Redis

from bench.local.keyed import prefix_of
from core.errors import NewerLedger
from core.ids import probe_job_id
from core.ledger.job import State
from core.ledger.key import UNLIMITED, Caller, Limits, Scope
from core.ledger.protocol import NewJob, SubmitStatus
from core.ledger.redis.access.keyring import Keyring
from core.ledger.redis.checkpoint import adopt_format
from core.ledger.redis.constants import RECORD_BYTES, RESULT_BUCKETS, SHARE_OF_FREE
from core.ledger.redis.keys import FORMAT, FORMAT_KEY, FREE_MEMORY, JOBS
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.message import JOBS_IN_MESSAGE, RECORDS_IN_MESSAGE, Message
from tests.ledgers import Clock, score, submit
from tests.patients import ROW, new_job
from worker.reaper.append_only_file import note_free_memory

TURN = Message(0, [])


def owner(redis: Redis, limits: Limits = UNLIMITED) -> Caller:
    """Return the caller of a new key."""
    key = Keyring(redis).create("owner", [Scope.SCORE], limits)
    return Caller(prefix_of(key), frozenset({Scope.SCORE}), limits)


@pytest.fixture
def ledger(redis: Redis, settings: Settings, clock: Clock) -> RedisLedger:
    return RedisLedger(redis, settings, clock)


def owners_of(redis: Redis, ledger: RedisLedger) -> Counter[str]:
    """Claim and finish a turn's jobs; return how many records of each owner that were."""
    claimed = ledger.claim(TURN)
    ledger.finish(score(claimed))
    served = Counter[str]()
    for job in claimed:
        served[(redis.hget(JOBS.job + job.id, "owner") or b"").decode()] += len(job.rows)  # type: ignore[union-attr]
    return served


def test_who_comes_late_is_served_in_the_next_turn_whatever_waits_of_others(redis: Redis, ledger: RedisLedger) -> None:
    first, second = owner(redis), owner(redis)
    submit(ledger, *[new_job(by=first) for _ in range(4 * JOBS_IN_MESSAGE)])
    assert owners_of(redis, ledger) == {first.key: JOBS_IN_MESSAGE}
    submit(ledger, new_job(by=second))
    assert owners_of(redis, ledger) == {first.key: JOBS_IN_MESSAGE - 1, second.key: 1}


def test_owners_are_served_alike_in_records_however_large_their_jobs(redis: Redis, ledger: RedisLedger) -> None:
    large, small, served = owner(redis), owner(redis), Counter[str]()
    submit(ledger, *[new_job(1_000, by=large) for _ in range(40)])
    submit(ledger, *[new_job(10, by=small) for _ in range(4_000)])
    while served.total() < 40_000:
        served += owners_of(redis, ledger)
    assert abs(served[large.key] - served[small.key]) <= RECORDS_IN_MESSAGE / 2


def test_a_weight_is_a_share(redis: Redis, ledger: RedisLedger) -> None:
    light, heavy, served = owner(redis), owner(redis, Limits(weight=3)), Counter[str]()
    for by in (light, heavy):
        submit(ledger, *[new_job(by=by) for _ in range(2_000)])
    while served.total() < 2_000:
        served += owners_of(redis, ledger)
    assert served[heavy.key] / served[light.key] == pytest.approx(3, rel=0.1)


def test_to_come_and_go_wins_nothing(redis: Redis, ledger: RedisLedger) -> None:
    patient, restless, served = owner(redis), owner(redis), Counter[str]()
    submit(ledger, *[new_job(100, by=patient) for _ in range(800)])
    while served.total() < 60_000:
        submit(ledger, new_job(5_000, by=restless))
        served += owners_of(redis, ledger)
    assert served[restless.key] <= served[patient.key] + RECORDS_IN_MESSAGE


def test_a_turn_costs_the_same_however_many_owners_wait(redis: Redis, ledger: RedisLedger) -> None:
    many = [Caller(f"{number:08x}", frozenset({Scope.SCORE})) for number in range(500)]
    for by in many:
        submit(ledger, new_job(by=by), new_job(by=by))
    redis.config_resetstat()
    assert len(owners_of(redis, ledger)) == JOBS_IN_MESSAGE / 2
    ranges = redis.info("commandstats")["cmdstat_zrange"]["calls"]
    assert ranges <= 3 * JOBS_IN_MESSAGE


def test_one_owner_leaves_room_in_the_backlog_for_others(redis: Redis, settings: Settings) -> None:
    ledger = RedisLedger(redis, settings.model_copy(update={"backlog_limit": 100}))
    first, second = owner(redis), owner(redis)
    verdicts = [verdict for verdict, _ in ledger.submit([new_job(by=first) for _ in range(100)]).statuses]
    assert Counter(verdicts) == {SubmitStatus.ACCEPTED: 80, SubmitStatus.SHARE: 20}
    assert ledger.submit([new_job(5, by=second)]).statuses[0][0] is SubmitStatus.ACCEPTED
    assert ledger.submit([new_job(by=first)]).statuses[0][0] is SubmitStatus.SHARE
    ledger.finish(score(ledger.claim(TURN)))
    assert ledger.submit([new_job(50, by=first)]).statuses[0][0] is SubmitStatus.ACCEPTED


def test_a_large_job_leaves_room_in_the_backlog_for_others_but_is_taken_where_nothing_waits(
    redis: Redis, settings: Settings
) -> None:
    ledger = RedisLedger(redis, settings.model_copy(update={"backlog_limit": 3_000}))
    first, second = owner(redis), owner(redis)
    verdicts = [verdict for verdict, _ in ledger.submit([new_job(1_000, by=first) for _ in range(3)]).statuses]
    assert verdicts == [SubmitStatus.ACCEPTED, SubmitStatus.ACCEPTED, SubmitStatus.SHARE]
    assert ledger.submit([new_job(by=second)]).statuses[0][0] is SubmitStatus.ACCEPTED
    for _ in range(2):
        ledger.finish(score(ledger.claim(TURN)))
    assert ledger.submit([new_job(3_000, by=first)]).statuses[0][0] is SubmitStatus.ACCEPTED


def test_one_owner_leaves_memory_for_the_results_of_others(redis: Redis, ledger: RedisLedger, clock: Clock) -> None:
    first, second = owner(redis), owner(redis)
    jobs = [new_job(by=first) for _ in range(10)]
    submit(ledger, *jobs)
    ledger.finish(score(ledger.claim(TURN)))
    assert ledger.submit([new_job(by=first)]).statuses[0][0] is SubmitStatus.ACCEPTED  # no limit is known
    redis.set(FREE_MEMORY, 10 * RECORD_BYTES // SHARE_OF_FREE)
    assert ledger.submit([new_job(by=first)]).statuses[0][0] is SubmitStatus.MANY_RESULTS
    assert ledger.submit([new_job(by=second)]).statuses[0][0] is SubmitStatus.ACCEPTED
    for job in jobs[:5]:
        ledger.erase(job.id)
    assert ledger.submit([new_job(by=first)]).statuses[0][0] is SubmitStatus.ACCEPTED
    redis.set(FREE_MEMORY, 0)
    assert ledger.submit([new_job(by=first)]).statuses[0][0] is SubmitStatus.MANY_RESULTS
    clock.move(Settings().result_ttl * (1 + 2 / RESULT_BUCKETS))
    assert ledger.submit([new_job(by=first)]).statuses[0][0] is SubmitStatus.ACCEPTED


def test_a_sweep_notes_the_room_that_redis_has_below_its_limit(redis: Redis, settings: Settings) -> None:
    note_free_memory(redis, settings)
    assert redis.get(FREE_MEMORY) is None
    limit = 1_000_000_000
    redis.config_set("maxmemory", limit)
    note_free_memory(redis, settings)
    assert 0 < int(redis.get(FREE_MEMORY) or 0) < limit * settings.memory_share
    redis.config_set("maxmemory", 0)


def test_where_no_keys_are_required_all_of_the_backlog_is_for_anyone_and_probe_jobs_always_fit(
    redis: Redis, settings: Settings
) -> None:
    ledger = RedisLedger(redis, settings.model_copy(update={"backlog_limit": 10}))
    assert {verdict for verdict, _ in ledger.submit([new_job() for _ in range(10)]).statuses} == {SubmitStatus.ACCEPTED}
    assert ledger.submit([new_job()]).statuses[0][0] is SubmitStatus.FULL
    assert ledger.submit([NewJob(probe_job_id(), [ROW])]).statuses[0][0] is SubmitStatus.ACCEPTED


def test_a_probe_job_waits_behind_no_one(ledger: RedisLedger) -> None:
    submit(ledger, *[new_job(10_000) for _ in range(3)])
    ledger.claim(TURN)
    probe = NewJob(probe_job_id(), [ROW])
    submit(ledger, probe)
    assert [job.id for job in ledger.claim(TURN)] == [probe.id]


def test_what_an_older_format_holds_is_moved_and_scored(redis: Redis, settings: Settings, clock: Clock) -> None:
    ledger, by = RedisLedger(redis, settings, clock), owner(redis)
    waiting, held, canceled = new_job(by=by), new_job(), new_job()
    submit(ledger, held)
    ledger.claim(TURN)
    submit(ledger, waiting, canceled)
    # As format 1 has them: no sets by owner, one set of all open jobs.
    lease_ms = redis.zscore(JOBS.leases, held.id)
    redis.delete(JOBS.leases, JOBS.owners, JOBS.shares, JOBS.waiting, JOBS.waiting + by.key)
    redis.zadd(JOBS.format_1, {waiting.id: -clock.ms, canceled.id: -clock.ms, held.id: lease_ms})  # type: ignore[dict-item]
    ledger.cancel(canceled.id)

    assert [message.ids for message in ledger.reap()] == [[]]
    assert [job.id for job in ledger.claim(TURN)] == [waiting.id]
    clock.move(settings.lease_s + 1)
    ledger.reap()
    clock.move(settings.resend_after_s + 1)
    sent = [message for message in ledger.reap() if held.id in message.ids]
    assert [job.id for job in ledger.claim(sent[0])] == [held.id]
    assert ledger.read(canceled.id).state is State.CANCELED
    assert redis.zcard(JOBS.format_1) == 0


def test_a_message_of_an_older_program_is_a_turn_at_what_it_names(
    redis: Redis, settings: Settings, clock: Clock
) -> None:
    ledger, job = RedisLedger(redis, settings, clock), new_job()
    submit(ledger, job)
    redis.delete(JOBS.owners, JOBS.waiting)
    redis.zadd(JOBS.format_1, {job.id: -clock.ms})
    assert [one.id for one in ledger.claim(Message(clock.ms, [job.id]))] == [job.id]


def test_a_program_claims_nothing_of_a_newer_format_and_says_so(redis: Redis, settings: Settings) -> None:
    ledger = RedisLedger(redis, settings)
    submit(ledger, new_job())
    adopt_format(redis)
    assert redis.get(FORMAT_KEY) == str(FORMAT).encode()
    redis.set(FORMAT_KEY, FORMAT + 1)
    for act in (lambda: ledger.claim(TURN), lambda: adopt_format(redis)):
        with pytest.raises(NewerLedger):
            act()
    redis.set(FORMAT_KEY, FORMAT)
    assert len(ledger.claim(TURN)) == 1
