"""The promise to files under each fault, with few rows. `python -m tests.faults` does the same with many."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.file_faults import FILE_FAULTS, FileFault
from tests.faults.file_house import FileHouse, file_house
from tests.faults.file_trial import FilePlan, hold_file_trial
from tests.faults.street import SHORT

# Files of a few rows, each so long that a file has several parts.
FEW = FilePlan(files=3, rows=3_300, aimed_rows=1_100, note_bytes=4_000, outage_s=2, patience_s=40)
SETTINGS = SHORT | {
    "SCORELINE_BULK_PROCESSES": "1",
    "SCORELINE_UPLOAD_IDLE_S": "2",
    "SCORELINE_STORE_TIMEOUT_S": "2",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileHouse]:
    """A house whose store is a folder."""
    with file_house(tmp_path_factory.mktemp("house"), SETTINGS) as house:
        yield house


@pytest.mark.parametrize("fault", [fault for fault in FILE_FAULTS if not fault.in_bucket], ids=lambda fault: fault.name)
def test_no_row_is_lost_or_doubled_by(fault: FileFault, house: FileHouse) -> None:
    count = hold_file_trial(house, fault, FEW)
    assert count.is_kept, count


@pytest.mark.parametrize("fault", [fault for fault in FILE_FAULTS if fault.in_bucket], ids=lambda fault: fault.name)
def test_no_row_is_lost_or_doubled_in_a_bucket_by(fault: FileFault, tmp_path: Path) -> None:
    with file_house(tmp_path, SETTINGS, in_bucket=True) as house:
        count = hold_file_trial(house, fault, FEW)
    assert count.is_kept, count
