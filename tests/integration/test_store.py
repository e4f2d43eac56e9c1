"""The object store: one promise, kept by a folder and by a bucket of a real S3-compatible server."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.local.programs import ROOT, free_port
from core.errors import OperatorError, StoreUnavailable
from core.settings import Settings
from core.storage.store import Store
from tests.stores import bucket


@pytest.fixture(scope="module")
def bucket_variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with bucket(tmp_path_factory.mktemp("bucket")) as variables:
        yield variables


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store that is empty."""
    if request.param == "folder":
        return Store.open(Settings(store=f"file://{tmp_path}/store"))
    for name, value in request.getfixturevalue("bucket_variables").items():
        monkeypatch.setenv(name, value)
    store = Store.open(Settings())
    store.delete("batches")
    return store


def test_a_file_is_read_as_it_was_written_and_written_over_whole(store: Store) -> None:
    data = bytes(range(256)) * 20_000
    store.write("batches/a/in/000001", b"before")
    store.write("batches/a/in/000001", data)
    assert store.read("batches/a/in/000001") == data
    assert store.read_range("batches/a/in/000001", 255, 258) == b"\xff\x00\x01"
    store.write("batches/a/in/000001", b"")
    assert store.read("batches/a/in/000001") == b""


def break_off(store: Store, key: str) -> None:
    """Write half a file."""
    with store.writing(key) as write:
        write(b"one ")
        raise ValueError("no score")


def test_a_file_is_written_in_blocks_or_not_at_all(store: Store) -> None:
    with store.writing("batches/a/out/000001") as write:
        for block in (b"one ", b"two ", b"three"):
            write(block)
    assert store.read("batches/a/out/000001") == b"one two three"
    with store.writing("batches/b/out/000001"):
        pass
    with pytest.raises(ValueError, match="no score"):
        break_off(store, "batches/c/out/000001")
    assert [file.key for file in store.files("batches")] == ["batches/a/out/000001"]


def test_what_is_raised_while_a_file_is_written_leaves_nothing_of_it(tmp_path: Path) -> None:
    store = Store.open(Settings(store=f"file://{tmp_path}"))
    with pytest.raises(ValueError, match="no score"):
        break_off(store, "batches/c/out/000001")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "batches" in path.parts] == []


def test_a_file_that_is_not_there_is_a_missing_file(store: Store) -> None:
    store.write("batches/yes", b"x")
    with pytest.raises(FileNotFoundError, match=r"^batches/no$"):
        store.read("batches/no")
    with pytest.raises(FileNotFoundError, match=r"^batches/no$"):
        store.read_range("batches/no", 0, 1)


def test_files_are_listed_with_size_and_age_and_their_names_by_folder(store: Store) -> None:
    for key in ("batches/a/in/000001", "batches/a/out/000001", "batches/ab/in/000001"):
        store.write(key, key.encode())
    files = {file.key: file for file in store.files("batches/a")}
    assert set(files) == {"batches/a/in/000001", "batches/a/out/000001"}
    assert files["batches/a/in/000001"].bytes == 19
    assert datetime.now(UTC) - files["batches/a/in/000001"].written_at < timedelta(minutes=1)
    assert set(store.names("batches")) == {"a", "ab"}
    assert set(store.names("batches/a")) == {"in", "out"}
    assert store.names("none") == ()


def test_a_prefix_is_deleted_with_all_under_it_and_nothing_beside_it(store: Store) -> None:
    for number in range(12):
        store.write(f"batches/a/in/{number:06}", b"x")
    store.write("batches/ab/in/000001", b"y")
    store.delete("batches/a")
    store.delete("batches/a")
    assert store.names("batches") == ("ab",)


def test_threads_may_share_it(store: Store) -> None:
    keys = [f"batches/a/in/{number:06}" for number in range(20)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda key: store.write(key, key.encode() * 10_000), keys))
        assert all(threads.map(lambda key: store.read(key) == key.encode() * 10_000, keys))


def test_what_a_broken_off_write_left_in_a_folder_is_named_and_deleted(tmp_path: Path) -> None:
    store = Store.open(Settings(store=f"file://{tmp_path}"))
    store.write("batches/a/in/000001", b"x")
    (tmp_path / "batches/a/in/000001").rename(tmp_path / "batches/a/in/000001#1")  # as obstore names what is unfinished
    assert list(store.files("batches")) == []
    assert store.names("batches") == ("a",)
    store.delete("batches/a")
    assert store.names("batches") == ()


def test_a_folder_that_is_not_mounted_is_away_and_not_empty(tmp_path: Path) -> None:
    folder, away = tmp_path / "store", tmp_path / "away"
    store = Store.open(Settings(store=f"file://{folder}"))
    store.write("batches/a/in/000001", b"x")
    folder.rename(away)
    folder.mkdir()
    for call in (
        lambda: store.read("batches/a/in/000001"),
        lambda: store.read_range("batches/a/in/000001", 0, 1),
        lambda: store.write("batches/a/in/000002", b"x"),
        lambda: store.delete("batches/a"),
    ):
        with pytest.raises(StoreUnavailable):
            call()
    assert list(folder.iterdir()) == []
    folder.rmdir()
    away.rename(folder)
    assert store.read("batches/a/in/000001") == b"x"


def test_a_file_whose_folder_is_not_there_is_away_and_not_lost(tmp_path: Path) -> None:
    store = Store.open(Settings(store=f"file://{tmp_path}"))
    store.write("batches/a/results/000001", b"x")
    (tmp_path / "batches" / "a").rename(tmp_path / "away")
    with pytest.raises(StoreUnavailable):
        store.read("batches/a/results/000001")
    with pytest.raises(StoreUnavailable):
        store.read_range("batches/a/results/000001", 0, 1)
    (tmp_path / "away").rename(tmp_path / "batches" / "a")
    assert store.read("batches/a/results/000001") == b"x"


def test_a_store_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    store = Store.open(Settings(store="s3://scoreline", store_timeout_s=1))
    for call in (lambda: store.write("a", b"x"), lambda: store.read("a"), lambda: store.delete("a")):
        with pytest.raises(StoreUnavailable) as raised:
            call()
        assert raised.value.retry_after_s
        assert "127.0.0.1" not in str(raised.value)


@pytest.mark.parametrize("address", ["ftp://x", "s3://", "file://", "var/store"])
def test_an_address_that_names_no_store_is_the_operators_to_correct(address: str) -> None:
    with pytest.raises(OperatorError, match="SCORELINE_STORE"):
        Store.open(Settings(store=address))


FULL_DISK = """
import resource, signal, sys
from core.errors import StoreFull
from core.settings import Settings
from core.storage.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
store = Store.open(Settings(store="file://" + sys.argv[1]))
store.write("batches/a/in/000001", b"x" * 10_000)
try:
    store.write("batches/a/in/000002", b"x" * 10_001)
except StoreFull:
    print([file.key for file in store.files("batches")])
"""


def test_a_full_disk_is_said_to_be_full_and_keeps_what_was_written(tmp_path: Path) -> None:
    # A limit on the size of files refuses a write in the same place where a full disk would (EFBIG for ENOSPC).
    run = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['batches/a/in/000001']"
    assert [path.name for path in tmp_path.rglob("0*")] == ["000001"]


def test_a_folder_that_cannot_be_made_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        Store.open(Settings(store="file:///dev/null/store"))
