"""Drives a ledger through random histories of work, snapshots and restores, and holds what is said of lost ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

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

from core.errors import LedgerLost, ScorelineError, UnknownBatch, UnknownJob
from core.ids import first_id_at, ms_of_id
from core.ledger.batch import Form, Format, NewPart
from core.ledger.continuity import Continuity, Mirror
from core.ledger.protocol import NewJob, SubmitStatus
from core.ledger.redis.batch_record import NewBatch
from core.ledger.redis.batches import Batches
from core.ledger.redis.checkpoint import BEHIND_S
from core.ledger.redis.keys import CHECKPOINT
from core.ledger.redis.ledger import RedisLedger
from core.schema.patient import EXAMPLE, Patient
from core.settings import Settings
from core.storage.store import Store
from tests.integration.test_ledger_machine import HISTORIES
from tests.ledgers import Clock

ROW = Patient.model_validate(EXAMPLE).to_row()
SETTINGS = Settings(result_ttl=10_000, gone_ttl=10_000)
KEPT_MS = 1000 * (SETTINGS.result_ttl + SETTINGS.gone_ttl)
MARGIN_MS = int(1000 * (BEHIND_S + SETTINGS.upload_idle_s))
PARTS = [NewPart(number=1, first_line=1, lines=1)]


@dataclass(frozen=True)
class Held:
    """What a Redis holds: its keys as it dumps them, the ids accepted, uploads that go on, and its last mark."""

    dump: dict[bytes, bytes] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    uploads: frozenset[str] = frozenset()
    mark_ms: int | None = None
    epoch: int = 0

    def lost_since(self, epoch: int) -> int:
        """Return the earliest time of an id that may be said to be lost once this is restored over another."""
        if self.mark_ms is None or epoch != self.epoch:
            return 0
        return min([self.mark_ms - MARGIN_MS, *map(ms_of_id, self.uploads)])


class ContinuityMachine(RuleBasedStateMachine):
    """One Redis under two sweeps, two gateways and a worker, which start anew now and then, as Redis itself does."""

    redis: Redis
    folder: Path

    @initialize()
    def open(self) -> None:
        self.redis.flushdb()
        store = Store.open(Settings(store=f"file://{self.folder}/{len(list(self.folder.iterdir()))}"))
        self.mirror, self.clock, self.made = Mirror(store), Clock(), 0
        self.batches = Batches(self.redis, SETTINGS, self.clock)
        self.held, self.snapshots, self.epochs = Held(), list[Held](), 0
        self.safe: frozenset[str] = frozenset()  # what was in Redis when the mirror was last brought up to date
        self.lost: dict[str, int] = {}  # what was safe, and then was gone, and when that was seen
        self.spans: list[tuple[int, int]] = []  # within which an id may be said to be lost
        self.start_all()

    @rule(places=st.sampled_from([(0,), (1,), (0, 1)]))
    def start_anew(self, places: tuple[int, ...]) -> None:
        for place in places:
            self.sweeps[place] = self.start(keeps=True)
            self.gateways[place] = self.start()
            self.see([self.gateways[place]])  # as each does before it serves

    def start_all(self) -> None:
        self.sweeps = [self.start(keeps=True) for _ in range(2)]
        self.gateways = [self.start() for _ in range(2)]
        self.worker = Continuity(self.redis, SETTINGS, None, self.clock)
        self.see(self.gateways)

    def start(self, *, keeps: bool = False) -> Continuity:
        return Continuity(self.redis, SETTINGS, self.mirror, self.clock, keeps=keeps)

    def new_id(self, behind_s: float = 0) -> str:
        self.made += 1
        return f"{first_id_at(self.clock.ms - int(behind_s * 1000))}-7000-8000-{self.made:012x}"

    @rule(behind_s=st.sampled_from([0, BEHIND_S]), swept=st.booleans())
    def submit(self, behind_s: float, swept: bool) -> None:
        job = NewJob(self.new_id(behind_s), [ROW])
        RedisLedger(self.redis, SETTINGS, self.clock).submit([job])
        self.accept(job.id, swept)

    @rule(seconds=st.sampled_from([0, 2 * MARGIN_MS / 1000]))
    def begin_upload(self, seconds: float) -> None:
        id = self.new_id()
        self.batches.hold(id, 1_000_000)
        self.held = replace(self.held, uploads=self.held.uploads | {id})
        self.clock.move(seconds)

    @precondition(lambda self: self.held.uploads)
    @rule(swept=st.booleans())
    def finish_upload(self, swept: bool) -> None:
        id = min(self.held.uploads)
        verdict, _, _ = self.batches.create(NewBatch(id, Form(Format.JSONL), PARTS, 1))
        assert verdict is SubmitStatus.ACCEPTED
        self.held = replace(self.held, uploads=self.held.uploads - {id})
        self.accept(id, swept)

    @rule(seconds=st.sampled_from([0.001, 10, 2 * MARGIN_MS / 1000]), place=st.integers(0, 1))
    def sweep_later(self, seconds: float, place: int) -> None:
        self.clock.move(seconds)
        self.see([self.sweeps[place], *self.gateways])

    @precondition(lambda self: len(self.snapshots) > 1)  # or a loss of everything hides what else there may be wrong
    @rule(way=st.sampled_from(["wait", "other", "emptied"]), data=st.data())
    def do_what_hides_all_else(self, way: str, data: st.DataObject) -> None:
        if way == "wait":
            self.wait_until_losses_are_told_no_more()
        elif way == "other":
            self.turn_to_another_redis()
        else:
            self.turn_to_snapshot(Held(), data)

    def wait_until_losses_are_told_no_more(self) -> None:
        self.clock.move(KEPT_MS / 1000 + 1)
        self.see(self.sweeps)

    @rule(swept=st.booleans())
    def take_snapshot(self, swept: bool) -> None:
        if swept:
            self.submit(0, swept)
        self.snapshots.append(replace(self.held, dump=self.dump()))

    def dump(self) -> dict[bytes, bytes]:
        return {key: self.redis.dump(key) or b"" for key in self.redis.scan_iter("sl:*")}

    @precondition(lambda self: self.snapshots)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        self.turn_to_snapshot(data.draw(st.sampled_from(self.snapshots[::-1])), data)

    def turn_to_snapshot(self, snapshot: Held, data: st.DataObject) -> None:
        everyone = [*self.sweeps, *self.gateways, self.worker]
        self.redis.flushdb()
        for key, value in snapshot.dump.items():
            self.redis.restore(key, 0, value)
        since = snapshot.lost_since(self.held.epoch)
        self.turn_to(snapshot if snapshot.mark_ms else replace(snapshot, epoch=self.held.epoch))
        if not snapshot.dump and data.draw(st.booleans()):
            self.each_lost_id_is_told_so()  # at once, for nothing is there that a gateway could take for its ledger
        for program in data.draw(st.permutations(everyone)):
            for _ in range(data.draw(st.integers(0, 2))):
                self.submit(0, swept=False)
            self.clock.move(0.1)
            self.see([program])
        self.spans.append((since, self.clock.ms))

    def turn_to_another_redis(self) -> None:
        self.redis.flushdb()
        self.redis.hset(CHECKPOINT, mapping={"epoch": self.new_id(), "mark": self.clock.ms, "accepted": 0})
        self.epochs += 1
        self.turn_to(Held(self.dump(), mark_ms=self.clock.ms, epoch=self.epochs))
        self.snapshots.append(self.held)
        self.clock.move(0.1)
        self.spans.append((0, self.clock.ms))
        self.start_all()
        self.see(self.sweeps)

    def accept(self, id: str, swept: bool) -> None:
        self.held = replace(self.held, accepted=self.held.accepted | {id})
        if swept:
            self.clock.move(0.1)
            self.see(self.sweeps)

    def turn_to(self, held: Held) -> None:
        """Have Redis hold something else."""
        for id in self.safe - held.accepted:
            self.lost[id] = self.clock.ms
        self.held, self.safe = held, self.safe & held.accepted

    def see(self, programs: Sequence[Continuity]) -> None:
        """Have programs compare; what Redis holds when a sweep does is safe."""
        for program in programs:
            program.compare()
            if program in self.sweeps:
                grown = self.held.accepted != self.safe or self.held.mark_ms is None
                self.safe = self.held.accepted
                self.held = replace(self.held, mark_ms=self.clock.ms if grown else self.held.mark_ms)

    def asked(self, id: str) -> set[type[ScorelineError] | None]:
        """Return what each gateway raises when it is asked for a job, or else a batch, with the id."""
        found: set[type[ScorelineError] | None] = set()
        for gateway in self.gateways:
            for ledger in (RedisLedger, Batches):
                try:
                    ledger(self.redis, SETTINGS, self.clock, lost=gateway.lost).read(id)
                except (UnknownJob, UnknownBatch, LedgerLost) as error:
                    found.add(type(error))
                else:
                    return {None}
        return found

    @invariant()
    def each_id_that_is_there_is_found(self) -> None:
        for id in sorted(self.held.accepted)[:2]:
            assert self.asked(id) == {None}

    @invariant()
    def each_lost_id_is_told_so(self) -> None:
        for id, seen_ms in [*self.lost.items()][-8:]:
            if id not in self.held.accepted and self.clock.ms < seen_ms + KEPT_MS:
                assert self.asked(id) == {LedgerLost}

    @invariant()
    def what_never_was_is_unknown(self) -> None:
        told = [span for span in self.spans if self.clock.ms < span[1] + KEPT_MS]
        edges = [edge for since, until in self.spans[-3:] for edge in (since - 1, until, until + 1)]
        for ms in {self.clock.ms + 1, self.clock.ms - 1, *edges}:
            if ms >= 0 and not any(since <= ms <= until for since, until in told):
                assert self.asked(f"{first_id_at(ms)}-7000-8000-ffffffffffff") == {UnknownJob, UnknownBatch}


def test_no_history_has_an_id_that_was_lost_be_unknown_or_one_that_never_was_be_lost(
    redis: Redis, tmp_path: Path
) -> None:
    class Machine(ContinuityMachine):
        pass

    Machine.redis, Machine.folder = redis, tmp_path
    profile = hypothesis.settings(
        max_examples=HISTORIES, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Machine, settings=profile)
