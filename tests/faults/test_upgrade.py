"""What an older release has under way ends under this one, in whichever order its programs are upgraded.

`python -m tests.faults` does the same with many jobs and large files.
"""

from pathlib import Path

import pytest

from bench.local.revisions import is_known
from tests.faults.street import SHORT
from tests.faults.upgrade import BEFORE, UPGRADES, Upgrade, UpgradePlan, hold_upgrade

FEW = UpgradePlan(jobs=150, ended=30, beside=60, rows=8_800, rate_per_s=100, must_be_half_done=False)
SETTINGS = SHORT | {"SCORELINE_WORKER_PROCESSES": "1", "SCORELINE_BULK_PROCESSES": "1"}


@pytest.mark.skipif(not is_known(BEFORE), reason="this is no checkout with a history")
@pytest.mark.parametrize("upgrade", UPGRADES, ids=lambda upgrade: upgrade.name)
def test_nothing_is_lost_doubled_or_changed_by(upgrade: Upgrade, tmp_path: Path) -> None:
    jobs, files = hold_upgrade(tmp_path, SETTINGS, upgrade, FEW)
    assert jobs.is_kept, jobs
    assert files.is_kept, files
    assert jobs.recovered_s <= jobs.limit_s
