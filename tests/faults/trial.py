"""One trial: traffic, a fault that strikes it, the time to recover, and the count of what became of every job."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from threading import Event
from typing import Any

from bench.local.conditions import wait_until
from core.ids import new_id
from tests.faults.cohort import patients, risks
from tests.faults.fault import RECOVERED_WITHIN_S, Fault
from tests.faults.house import House
from tests.faults.loss import Loss, is_in_window
from tests.faults.probe import is_scored, submit
from tests.faults.scene import Scene
from tests.faults.traffic import Traffic
from tests.faults.witness import Reader, Witness

FIRST_STRIKE_AT = 0.1  # of the jobs for each strike
LOADED_WITHIN_S = 120
BETWEEN_LOOKS_S = 0.04


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard a trial is: its traffic, how often the fault strikes, and how long to wait for what may never come."""

    jobs: int
    rate_per_s: float = 0
    connections: int = 64
    strikes: int = 1
    outage_s: float = 20
    patience_s: float = 60


@dataclass(slots=True)
class Count:
    """What was counted in one trial; `recoveries_s` has one time for each strike, infinite if there was no recovery.

    None may be longer than `limit_s`. What may be lost under this fault counts as `told` or `unreplicated` instead of
    `lost`.
    """

    fault: str
    limit_s: float = RECOVERED_WITHIN_S
    submitted: int = 0
    accepted: int = 0
    committed: int = 0
    quarantined: int = 0
    lost: int = 0
    told: int = 0
    unreplicated: int = 0
    duplicated: int = 0
    changed: int = 0
    refused: int = 0
    unanswered: int = 0
    recoveries_s: list[float] = field(default_factory=list)
    submits_per_s: float = 0

    @property
    def recovered_s(self) -> float:
        """The seconds that the slowest recovery took."""
        return max(self.recoveries_s, default=0)

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept: whatever was submitted got in, and nothing was lost, doubled or changed."""
        return self.accepted == self.submitted and not (self.lost or self.duplicated or self.changed)


def hold_trial(house: House, fault: Fault, plan: Plan, witness: Witness) -> Count:
    """Strike the house with the fault while it is under load, let it recover, and count.

    Raises AssertionError if the fault could not strike, or if an answer came that no caller should ever see.
    """
    house.employ(fault.entry)
    first, count, began_s = new_id(), Count(fault.name, fault.recovers_within_s), time.monotonic()
    traffic = Traffic(house.port, jobs=plan.jobs, rate_per_s=plan.rate_per_s, connections=plan.connections)
    scene = Scene(
        house, traffic, witness, strike=0, outage_s=plan.outage_s, poison=set(), more=set(), may_lose=fault.may_lose
    )
    with traffic, Reader(house, traffic, witness):
        for strike in range(plan.strikes):
            wait_for_load(traffic, plan.jobs * (strike + FIRST_STRIKE_AT) / plan.strikes)
            count.submits_per_s = count.submits_per_s or len(traffic.accepted) / (time.monotonic() - began_s)
            fault.strike(replace(scene, strike=strike))
            count.recoveries_s.append(recovery_s(scene, plan.patience_s))
        traffic.enough(plan.patience_s)
    if count.recovered_s < inf:
        comes_true(lambda: not house.is_open_before(new_id()), plan.patience_s)
    assert not traffic.surprises, f"answers that no caller should see: {traffic.surprises[:3]}"
    return audit(scene, count, first)


def wait_for_load(traffic: Traffic, accepted: float) -> None:
    """Return once so many submits are accepted; more are then under way."""
    wait_until(lambda: len(traffic.accepted) >= accepted, within_s=LOADED_WITHIN_S, what="traffic to strike")


def recovery_s(scene: Scene, patience_s: float) -> float:
    """Return the seconds from now until a fresh submit is scored, and all jobs that are older than now have ended."""
    over_s, over = time.monotonic(), new_id()
    fresh = submit(scene.house, patients(0)[:1])
    scene.more.add(fresh)
    whole = comes_true(lambda: is_scored(scene.house, fresh) and not scene.house.is_open_before(over), patience_s)
    return time.monotonic() - over_s if whole else inf


def audit(scene: Scene, count: Count, first: str) -> Count:
    """Read every job of the house, and return the count completed with what became of those younger than `first`."""
    traffic, witness = scene.traffic, scene.witness
    numbers = {id: number for number, id in traffic.accepted.items()}
    known = numbers.keys() | scene.poison | scene.more
    jobs = {job["id"]: job for job in scene.house.jobs()}
    gone = set()
    for id in (known | witness.ids) - jobs.keys():  # a job that no page lists may still be there
        if job := scene.house.get(f"/v1/jobs/{id}"):
            jobs[id] = job
        elif scene.may_be_gone(id):
            gone.add(id)
        else:
            witness.miss(id)
    for id, job in jobs.items():
        witness.see(job)
        count.duplicated += id >= first and id not in known
        count.committed += id in numbers and job["state"] == "succeeded" and _is_right(job, numbers[id])
        count.quarantined += id in scene.poison and (job["error"] or {}).get("code") == "quarantined"
    count.submitted, count.accepted = traffic.submitted, len(traffic.accepted)
    gone &= numbers.keys()
    again = {id for id in witness.changed & jobs.keys() if committed_again(scene, jobs[id])}
    count.lost = len(numbers) - count.committed + len(scene.poison) - count.quarantined - len(gone)
    count.changed = len(witness.changed - again)
    if scene.may_lose is Loss.TOLD:
        count.told = len(gone)
    else:
        count.unreplicated = len(gone) + len(again)
    count.refused, count.unanswered = sum(traffic.answers.values()) - traffic.answers[202], traffic.lost_answers
    return count


def committed_again(scene: Scene, job: dict[str, Any]) -> bool:
    """Whether a job lost but its commit, which its master had not yet sent to its replica, and ended the same again."""
    first = scene.witness.first_seen(job["id"])
    at_ms = ended_ms(first)
    is_lost = scene.may_lose is Loss.UNREPLICATED and is_in_window(at_ms, at_ms, scene.house.windows)
    return is_lost and (first["state"], first["scores"]) == (job["state"], job["scores"])


def ended_ms(job: dict[str, Any]) -> float:
    """Return when a job ended, in ms since 1970."""
    return 1000 * datetime.fromisoformat(job["finished_at"]).timestamp()


def _is_right(job: dict[str, Any], number: int) -> bool:
    """Whether the job has the scores that its patients get when each is scored alone."""
    return [score["risk"] for score in job["scores"]] == risks(patients(number))


def comes_true(condition: Callable[[], bool], within_s: float) -> bool:
    """Whether the condition comes true within so many seconds."""

    def look() -> bool:
        # Whoever looks all the time slows the house down.
        return condition() or Event().wait(BETWEEN_LOOKS_S)

    with suppress(AssertionError):
        return wait_until(look, within_s=within_s, what="the house to recover")
    return False
