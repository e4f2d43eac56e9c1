"""The promise to files under each fault, with few rows. `python -m tests.faults` does the same with many."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.file_fault import FileFault
from tests.faults.file_faults import FILE_FAULTS
from tests.faults.file_house import FileHouse
from tests.faults.file_trial import FilePlan, hold_file_trial
from tests.faults.street import SHORT

# Files of a few rows, each so long that a file has several parts.
FEW = FilePlan(files=3, rows=3_300, aimed_rows=1_100, note_bytes=4_000, outage_s=2, patience_s=40)
SETTINGS = SHORT | {
    "SCORELINE_BULK_PROCESSES": "1",
    "SCORELINE_UPLOAD_IDLE_S": "2",
    "SCORELINE_STORE_TIMEOUT_S": "2",
}


POSSIBLE = [fault for fault in FILE_FAULTS if fault.is_possible()]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileHouse]:
    """A house like any other."""
    with FileHouse(tmp_path_factory.mktemp("house"), SETTINGS) as house:
        yield house


@pytest.mark.parametrize("fault", [f for f in POSSIBLE if f.build is FileHouse], ids=lambda fault: fault.name)
def test_no_row_is_lost_or_doubled_by(fault: FileFault, house: FileHouse) -> None:
    count = hold_file_trial(house, fault, FEW)
    assert count.is_kept, count


@pytest.mark.parametrize("fault", [f for f in POSSIBLE if f.build is not FileHouse], ids=lambda fault: fault.name)
def test_no_row_is_lost_or_doubled_in_a_house_of_its_own_by(fault: FileFault, tmp_path: Path) -> None:
    with fault.build(tmp_path, SETTINGS) as house:
        count = hold_file_trial(house, fault, FEW)
    assert count.is_kept, count
