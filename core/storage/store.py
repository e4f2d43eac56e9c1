"""The object store: files too large for the ledger, in a folder or in a bucket that several machines share.

A file exists whole or not at all, and is durable once `write` has returned. Do not use a store before a fork and after
it in the child: obstore's threads do not survive the fork, and a call would wait for them forever.
"""

import errno
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from core.errors import OperatorError, StoreFull, StoreUnavailable
from core.ledger.batch import BATCHES_FOLDER
from core.process import make_private
from core.settings import Settings
from core.storage.durable import DurableFile

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
MARK = ".scoreline"  # a file in the store's folder; if it is missing, the disk with the store is not mounted
DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the store: its key, such as `batches/{id}/in/000001`, its size, and when it was written (UTC)."""

    key: str
    bytes: int
    written_at: datetime


class Store:
    """Files by key. Safe to share among threads; every call blocks.

    Every method raises StoreUnavailable if the store cannot be reached or refuses; `write` raises StoreFull if it is
    full. Reading a missing file raises FileNotFoundError if its folder exists, else StoreUnavailable.
    """

    def __init__(self, objects: LocalStore | S3Store, folder: Path | None = None) -> None:
        self._objects = objects
        self._folder = folder

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return the store that the settings name. A missing folder is made; a bucket is not contacted yet.

        Other options of a bucket are read from the environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and so on).
        Raises OperatorError for an invalid address.
        """
        scheme, _, place = settings.store.partition("://")
        if scheme == "file" and place:
            folder = Path(place).absolute()
            with refusals():
                objects = LocalStore(folder, mkdir=True)
                (folder / MARK).touch()
                make_private(folder / BATCHES_FOLDER)
                return cls(objects, folder)
        if scheme == "s3" and place:
            patience = timedelta(seconds=settings.store_timeout_s)
            return cls(
                S3Store.from_url(
                    settings.store,
                    # An http:// endpoint is allowed: whoever sets one wants it.
                    client_options={"timeout": patience, "connect_timeout": patience, "allow_http": True},
                    retry_config={"max_retries": 3, "retry_timeout": patience},
                )
            )
        raise OperatorError("SCORELINE_STORE must begin with file:// or s3://, and name a folder or bucket.")

    def write(self, key: str, data: bytes) -> None:
        """Write a file, whole or not at all, replacing an older one; it is durable on return."""
        with self.writing(key) as write_block:
            write_block(data)

    @contextmanager
    def writing(self, key: str) -> Iterator[Callable[[bytes], None]]:
        """Yield a function that takes the blocks of a file; the file is written, as by `write`, when the context ends.

        In a folder, a block is written while the caller makes the next one. An exception in the context is passed on,
        and leaves no file; neither does a context that writes no block.
        """
        if not self._folder:
            blocks: list[bytes] = []
            yield blocks.append
            if blocks:
                with refusals():
                    obstore.put(self._objects, key, b"".join(blocks), use_multipart=False)
            return
        file = DurableFile(self._folder / key, self._folder)  # obstore does not sync files to disk

        def write_block(block: bytes) -> None:
            with refusals():
                self._check()
                file.write(block)

        try:
            yield write_block
        except BaseException:
            file.abandon()
            raise
        with refusals():
            file.finish()

    def read(self, key: str) -> bytes:
        """Return a file. Raises FileNotFoundError."""
        with refusals(key, partial(self._check, key)):
            return bytes(obstore.get(self._objects, key).bytes())

    def read_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes of a file from `start` up to `end`, which must be within it. Raises FileNotFoundError."""
        with refusals(key, partial(self._check, key)):
            return bytes(obstore.get_range(self._objects, key, start=start, end=end))

    def files(self, prefix: str) -> Iterator[Stored]:
        """Yield the files under a prefix such as `batches/{id}`, in any order."""
        with refusals():
            for chunk in obstore.list(self._objects, prefix, chunk_size=1000):
                for found in chunk:
                    yield Stored(found["path"], found["size"], found["last_modified"])

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names directly under a prefix that have files below them: for `batches`, the ids of all batches.

        In a folder, they include a name below which an interrupted write left no whole file.
        """
        with refusals():
            found = obstore.list_with_delimiter(self._objects, prefix)
        return tuple(path.rpartition("/")[2] for path in found["common_prefixes"])

    def delete(self, prefix: str) -> None:
        """Delete all files under a prefix, with the remains of interrupted writes; it is no error if there are none."""
        if self._folder:
            with refusals():
                self._check()
                shutil.rmtree(self._folder / prefix, onerror=_pass_over_missing)
            return
        keys = [stored.key for stored in self.files(prefix)]
        with refusals():
            obstore.delete(self._objects, keys)

    def _check(self, key: str = MARK) -> None:
        """Raise FileNotFoundError if the store's folder lacks its mark, or the folder of this key is missing.

        Then no file counts as lost: perhaps the disk is not mounted, or the folder is being restored.
        """
        if self._folder:
            (self._folder / MARK).stat()
            (self._folder / key).parent.stat()


@contextmanager
def refusals(key: str = "", check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Turn errors of obstore or the disk into StoreUnavailable, StoreFull, or FileNotFoundError for a `key`.

    If a file is missing, `check` is called, and raises OSError if the store itself is missing.
    """
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        if key and isinstance(error, FileNotFoundError):
            with refusals():
                check()
            raise FileNotFoundError(key) from None
        log.warning("the object store refuses: %s", (str(error).splitlines() or [type(error).__name__])[0])
        if _number_of(error) in DISK_FULL:
            raise StoreFull(retry_after_s=RETRY_AFTER_S) from error
        raise StoreUnavailable(retry_after_s=RETRY_AFTER_S) from error


def _number_of(error: Exception) -> int | None:
    """Return the system's error number, which obstore gives only in its message."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = re.search(r"\(os error (\d+)\)|code: (\d+),", str(error))
    return int(found[1] or found[2]) if found else None


def _pass_over_missing(_call: object, _path: object, fault: tuple[object, BaseException, object]) -> None:
    if not isinstance(fault[1], FileNotFoundError):
        raise fault[1]
