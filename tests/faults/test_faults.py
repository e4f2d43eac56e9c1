"""The promise under each fault, with few jobs; and two ledgers broken on purpose, which must be caught.

`python -m tests.faults` does the first with many. One file: so all tests of it share one street, in one process.
"""

import pytest

from tests.faults.faults import FAULTS
from tests.faults.short import LAST_COMMIT_WINS, NO_SWEEP
from tests.faults.street import Street


@pytest.mark.parametrize("trial", [fault.name for fault in FAULTS if fault.is_possible()])
def test_no_job_is_lost_doubled_or_changed_by(trial: str, street: Street) -> None:
    count = street.count(trial)
    assert count.is_kept, count


@pytest.mark.parametrize("trial", [NO_SWEEP])
def test_a_ledger_is_caught_losing_jobs_that_has(trial: str, street: Street) -> None:
    assert street.count(trial).lost > 0


@pytest.mark.parametrize("trial", [LAST_COMMIT_WINS])
def test_a_ledger_is_caught_changing_a_result_in_which(trial: str, street: Street) -> None:
    assert street.count(trial).changed > 0
