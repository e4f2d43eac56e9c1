"""The code of another commit is put beside the one that is tested."""

from pathlib import Path

import pytest

from bench.local.programs import ROOT
from bench.local.revisions import check_out, is_known


@pytest.mark.skipif(not is_known("HEAD"), reason="this is no checkout with a history")
def test_a_commit_is_put_into_a_folder_with_all_its_files(tmp_path: Path) -> None:
    root = check_out("HEAD", tmp_path / "root")
    assert root != ROOT
    assert all((root / name).is_dir() for name in ("api", "worker", "core", "models", "tests"))


def test_a_commit_that_there_is_not_is_known_to_be_none() -> None:
    assert not is_known("no-such-commit")
