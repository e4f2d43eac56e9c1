"""The short trials, by name: each fault once, with some hundred jobs; and two of them with a mutant."""

import signal
from dataclasses import replace

from bench.local.conditions import wait_until
from core.ids import new_id
from tests.faults.fault import Fault
from tests.faults.faults import FAULTS, pool_killed, worker_frozen
from tests.faults.house import House
from tests.faults.street import Trial
from tests.faults.trial import Count, Plan, hold_trial
from tests.faults.witness import Witness

# So few a second that two cores can at the same time start processes anew.
FEW = Plan(jobs=150, rate_per_s=60, connections=16, outage_s=2, patience_s=40)
IMPATIENT_S = 4  # nearly twice the lease: with a sweep, all would be well by then

NO_SWEEP = "no sweep"
LAST_COMMIT_WINS = "last commit wins"


def without_sweep(house: House, _: Witness) -> Count:
    """Kill scoring processes in a house without a sweep; then let it have its sweep back, and wait till all is well."""
    house.reaper.hold()
    house.reaper.end(signal.SIGKILL)
    try:
        return hold_trial(house, Fault(pool_killed), replace(FEW, patience_s=IMPATIENT_S), Witness())
    finally:
        house.reaper.release()
        wait_until(lambda: not house.is_open_before(new_id()), within_s=20, what="the sweep to find what was lost")


def with_overwriting(house: House, _: Witness) -> Count:
    """Freeze a worker whose late commit overwrites the result that others have committed and a reader has seen."""
    return hold_trial(house, Fault(worker_frozen, entry="tests.faults.overwriting"), FEW, Witness())


def of(fault: Fault) -> Trial:
    """Return the short trial of a fault."""
    return Trial(lambda house, witness: hold_trial(house, fault, FEW, witness), fault.build)


# Those that exchange the workers' program come last: the others need not exchange it back.
TRIALS = {
    NO_SWEEP: Trial(without_sweep),
    **{fault.name: of(fault) for fault in FAULTS if fault.is_possible()},
    LAST_COMMIT_WINS: Trial(with_overwriting),
}
