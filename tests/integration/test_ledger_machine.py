"""Drives both ledgers through random histories of work and faults, and holds them to the promise and to each other."""

import os
from dataclasses import replace
from itertools import product
from typing import Any
from uuid import UUID

import hypothesis
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from core.errors import UnknownJob
from core.ids import new_id
from core.ledger.job import Job, JobError, State
from core.ledger.key import ANYONE, Caller, Limits, Scope
from core.ledger.memory.callbacks import MemoryCallbacks
from core.ledger.memory.ledger import MemoryLedger
from core.ledger.protocol import Claimed, Ledger, Outcome
from core.ledger.redis.callbacks import RedisCallbacks
from core.ledger.redis.keys import JOBS, KEYS
from core.ledger.redis.ledger import RedisLedger
from core.settings import Settings
from core.transport.message import JOBS_IN_MESSAGE, Message, count_messages
from tests.ledgers import Clock, score
from tests.patients import new_job

ROUNDS_TO_DRAIN = 40
HISTORIES = int(os.environ.get("SCORELINE_TEST_HISTORIES", "50"))
URL = "https://receiver.example/told"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ERROR = JobError(code="scoring-failed", message="why")

OWNERS = [ANYONE, *(Caller(name, frozenset({Scope.SCORE}), Limits(rows_per_day=20)) for name in ("aa", "bb"))]


class LedgerMachine(RuleBasedStateMachine):
    """A queue that loses messages and workers that die, over two ledgers that see exactly the same."""

    redis: Redis
    options: Settings

    @initialize()
    def open(self) -> None:
        self.redis.flushdb()
        self.redis.zadd(KEYS, {by.key: 0 for by in OWNERS[1:]})
        self.owners: dict[str, str] = {}
        self.clock = Clock()
        self.real = RedisLedger(self.redis, self.options, self.clock)
        self.twin = MemoryLedger(self.options, self.clock)
        self.callbacks = RedisCallbacks(self.redis, self.options, self.clock)
        self.twin_callbacks = MemoryCallbacks(self.twin, self.options)
        self.untold: set[str] = set()
        self.queue: list[Message] = []
        self.held: list[list[Claimed]] = []
        self.known: list[str] = []
        self.erased: set[str] = set()
        self.ends: dict[str, Job] = {}
        self.risk = 0.0

    @rule(
        patients=st.lists(st.integers(1, 3), min_size=1, max_size=6),
        deadline=st.sampled_from([None, 4.0]),
        explain=st.booleans(),
        callback=st.sampled_from([None, URL]),
        trace=st.sampled_from([None, TRACE]),
        model_version=st.sampled_from(["", "1.1.0+abc", " two words "]),
        by=st.sampled_from(OWNERS),
        priority=st.sampled_from([0, 3, 7]),
    )
    def submit(self, patients: list[int], deadline: float | None, by: Caller, **asked: Any) -> None:
        jobs = [new_job(n, cancel_after_s=deadline, by=by, **asked) for n in patients]
        result = self.real.submit(jobs)
        assert result == self.twin.submit(jobs)
        jobs = [job for job, (verdict, _) in zip(jobs, result.statuses, strict=True) if verdict == "accepted"]
        self.known += [job.id for job in jobs]
        self.owners |= {job.id: by.key for job in jobs}
        self.untold |= {job.id for job in jobs if job.callback}
        if not result.long_polled:
            self.queue += [Message(result.sent_ms, [])] * count_messages([len(job.rows) for job in jobs])

    @rule()
    def submit_again(self) -> None:
        for key in ("one", "two"):
            job = new_job(key=key)
            result = self.real.submit([job])
            assert result == self.twin.submit([job])
            if result.statuses[0][0] == "accepted":
                self.known.append(job.id)
                if not result.long_polled:
                    self.queue.append(Message(result.sent_ms, []))

    @precondition(lambda self: self.queue)
    @rule(twice=st.booleans(), jobs=st.sampled_from([1, 3, 100]), long_poll=st.booleans())
    def deliver(self, twice: bool, jobs: int, long_poll: bool) -> None:
        message = self.queue[0] if twice else self.queue.pop(0)
        self.held.append(self.claim(message, jobs, long_poll))

    @rule(records=st.integers(1, 4))
    def claim_small(self, records: int) -> None:
        claimed = self.real.claim_small(records)
        assert [job.id for job in claimed] == [job.id for job in self.twin.claim_small(records)]
        self.held.append(claimed)

    @rule(long_poll=st.booleans())
    def hear(self, long_poll: bool) -> None:
        if heard := self.real.listen(0.001):
            self.held.append(self.claim(Message(0, []), 3, long_poll))
        assert heard == self.twin.listen(0.001)

    @precondition(lambda self: self.queue)
    @rule()
    def lose_message(self) -> None:
        self.queue.pop(0)

    @precondition(lambda self: self.held)
    @rule()
    def crash(self) -> None:
        self.held.pop(0)

    @precondition(lambda self: self.held)
    @rule(twice=st.booleans(), fails=st.booleans())
    def finish(self, twice: bool, fails: bool) -> None:
        claimed = self.held[0] if twice else self.held.pop(0)
        self.commit(claimed, fails=fails)

    @precondition(lambda self: self.held)
    @rule()
    def renew(self) -> None:
        ids = [job.id for job in self.held[0]]
        if ids:
            self.real.renew(ids)
            self.twin.renew(ids)

    @rule(seconds=st.sampled_from([0.1, 1, 4, 7]))
    def pass_time(self, seconds: float) -> None:
        self.clock.move(seconds)

    @rule()
    def reap(self) -> None:
        self.queue += self.note_deleted()

    @precondition(lambda self: self.known)
    @rule(data=st.data(), by=st.sampled_from(OWNERS))
    def cancel(self, data: st.DataObject, by: Caller) -> None:
        id = data.draw(st.sampled_from(self.known))
        said = told(self.real, "cancel", id, by)
        assert said == told(self.twin, "cancel", id, by)
        assert said is UnknownJob or by.visible_owner in ("", self.owners.get(id))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), by=st.sampled_from(OWNERS))
    def erase(self, data: st.DataObject, by: Caller) -> None:
        id = data.draw(st.sampled_from(self.known))
        said = told(self.real, "erase", id, by)
        assert said == told(self.twin, "erase", id, by)
        assert said is UnknownJob or by.visible_owner in ("", self.owners.get(id))
        if said is None:
            self.erased.add(id)
            self.untold.discard(id)

    @rule(fate=st.sampled_from(["lost", "failed", "told"]))
    def tell(self, fate: str) -> None:
        taken = self.callbacks.claim()
        assert taken == self.twin_callbacks.claim()
        for one in taken:
            assert (one.id in self.untold, self.ends[one.id].state) == (True, one.state)
            if fate == "failed":
                assert self.callbacks.put_off(one.id, 3) == self.twin_callbacks.put_off(one.id, 3)
            if fate == "told":
                self.callbacks.forget(one.id)
                self.twin_callbacks.forget(one.id)
                self.untold.remove(one.id)

    @rule(drop=st.booleans())
    def empty_quarantine(self, drop: bool) -> None:
        listed = [str(job.id) for job in self.real.dead_letters(limit=10)]
        assert listed == [str(job.id) for job in self.twin.dead_letters(limit=10)]
        for id in listed:
            if drop:
                self.real.drop(id)
                self.twin.drop(id)
                continue
            new = new_id()
            message = self.real.replay(id, new)
            assert message == self.twin.replay(id, new) == self.real.replay(id, new)  # it bears repeating
            self.known.append(new)
            self.owners[new] = self.owners.get(id, "")
            self.queue.append(message)
            self.ends[id] = self.ends[id].model_copy(update={"replayed_as": UUID(new)})

    @invariant()
    def both_say_the_same_and_no_end_is_ever_left(self) -> None:
        jobs = self.real.page(state=None, limit=1000, after=None).items
        assert jobs == self.twin.page(state=None, limit=1000, after=None).items
        assert {str(job.id) for job in jobs} == set(self.known) - self.erased
        for id in (str(job.id) for job in jobs if job.state.ended):
            if id not in self.ends:
                self.ends[id] = self.real.read(id)
                assert self.ends[id] == self.twin.read(id)
        assert self.real.load() == self.twin.load()

    @invariant()
    def every_job_stands_in_one_index_and_every_open_one_is_on_its_way_or_leased(self) -> None:
        indexes = [(by, state, self.members(JOBS.index_of(by.key) + state)) for by, state in product(OWNERS, State)]
        assert sorted(id for _, _, ids in indexes for id in ids) == sorted(set(self.known) - self.erased)
        assert all(self.owners.get(id, "") == by.key for by, _, ids in indexes for id in ids)
        sets = [JOBS.leases, JOBS.redelivery, *(JOBS.waiting + by.key for by in OWNERS)]
        on_their_way = [id for key in sets for id in self.members(key)]
        assert sorted(on_their_way) == sorted(self.open_ids())
        for by in OWNERS[1:]:
            owned = {id for id in self.known if self.owners.get(id) == by.key}
            jobs = self.real.page(state=None, limit=1000, after=None, by=by)
            assert jobs == self.twin.page(state=None, limit=1000, after=None, by=by)
            assert {str(job.id) for job in jobs.items} == owned - self.erased
            owing = sum(job.patients for job in jobs.items if not job.state.ended)
            assert int(self.redis.execute_command("HGET", JOBS.shares, by.key) or 0) == owing

    @invariant()
    def every_callback_stays_until_it_is_told_or_its_job_is_erased(self) -> None:
        assert self.members(JOBS.callbacks) == self.untold
        assert self.callbacks.due() == self.twin_callbacks.due()

    def members(self, key: str) -> set[str]:
        """Return the ids in a sorted set."""
        ids: list[bytes] = self.redis.execute_command("ZRANGE", key, 0, -1)
        return {id.decode() for id in ids}

    def open_ids(self) -> set[str]:
        """Return the ids of the jobs that have not ended."""
        indexes = (JOBS.index_of(by.key) + state for by, state in product(OWNERS, (State.QUEUED, State.RUNNING)))
        return set[str]().union(*map(self.members, indexes))

    def teardown(self) -> None:
        """After any history at all, healthy workers end every job: none was lost."""
        for _ in range(ROUNDS_TO_DRAIN):
            if not self.open_ids():
                break
            self.clock.move(self.options.lease_s)
            # What a canary does: it carries the queue's clock forward.
            self.submit([1], None, explain=False, callback=None, trace=None, by=ANYONE, priority=3, model_version="")
            self.queue += self.note_deleted()
            while self.queue:
                self.commit(self.claim(self.queue.pop(0)), fails=False)
        assert self.open_ids() == set()
        assert self.real.load().backlog_records == 0
        self.both_say_the_same_and_no_end_is_ever_left()
        for id, end in self.ends.items():
            assert id in self.erased or self.real.read(id) == end
        self.clock.move(3 * self.options.callback_timeout_s)
        assert self.callbacks.due().callbacks == len(self.untold)

    def claim(self, message: Message, jobs: int = JOBS_IN_MESSAGE, long_poll: bool = False) -> list[Claimed]:
        """Claim from both, check that they agree, and return what was claimed."""
        claimed = self.real.claim(message, jobs=jobs, long_poll=long_poll)
        others = self.twin.claim(message, jobs=jobs, long_poll=long_poll)
        assert [replace(job, rows=[]) for job in claimed] == [replace(job, rows=[]) for job in others]
        return claimed

    def commit(self, claimed: list[Claimed], *, fails: bool) -> None:
        """Commit to both a result that no other commit has."""
        self.risk = (self.risk + 0.001) % 1
        outcomes = score(claimed, self.risk)
        if fails and outcomes:
            outcomes[0] = Outcome(outcomes[0].id, error=ERROR)
        assert self.real.finish(outcomes) == self.twin.finish(outcomes)

    def note_deleted(self) -> list[Message]:
        """Sweep both, check that they send the same jobs in the same way, and return the messages."""
        messages = self.real.reap()
        assert sorted(message.ids for message in messages) == sorted(message.ids for message in self.twin.reap())
        return messages


def told(ledger: Ledger, call: str, id: str, by: Caller) -> object:
    """Return what the ledger answers to the call, or the class of the error that it raises."""
    try:
        return getattr(ledger, call)(id, by)
    except UnknownJob as error:
        return type(error)


def test_no_history_of_faults_breaks_the_promise(redis: Redis, settings: Settings) -> None:
    class Machine(LedgerMachine):
        pass

    Machine.redis, Machine.options = redis, settings.model_copy(update={"deliveries_limit": 2})
    profile = hypothesis.settings(
        max_examples=HISTORIES, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Machine, settings=profile)
