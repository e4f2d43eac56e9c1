"""The object store: files too large for the ledger, in a folder or in a bucket that several machines share.

A file is whole or not there, and durable once `write` has returned. Not to be used before a fork by a process that
also uses it after: obstore's threads do not outlive one, and a call would wait for them for ever.
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
MARK = ".scoreline"  # in the store's folder; where it is missing, the disk that the store lies on is not mounted
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the store: its key, such as `batches/{id}/in/000001`, its size, and when it was written (UTC)."""

    key: str
    bytes: int
    written_at: datetime


class Store:
    """Files by key. Safe to share among threads; every call blocks.

    Raises StoreUnavailable from every method if the store cannot be reached or refuses, as for a file whose whole
    folder is away, and StoreFull from `write` if there is no room. Reading raises FileNotFoundError for a file that is
    missing from a folder that is there.
    """

    def __init__(self, objects: LocalStore | S3Store, folder: Path | None = None) -> None:
        self._objects = objects
        self._folder = folder

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return the store that the settings name; a folder is made where there is none, a bucket is not asked yet.

        What else a bucket needs is read from the environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and so on).
        Raises OperatorError for an address that cannot be one.
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
                    # Who names an endpoint that begins with http:// means it.
                    client_options={"timeout": patience, "connect_timeout": patience, "allow_http": True},
                    retry_config={"max_retries": 3, "retry_timeout": patience},
                )
            )
        raise OperatorError("SCORELINE_STORE must begin with file:// or s3://, and name a folder or bucket.")

    def write(self, key: str, data: bytes) -> None:
        """Write a file, whole or not at all, over one that is there; it is durable on return."""
        with self.writing(key) as take:
            take(data)

    @contextmanager
    def writing(self, key: str) -> Iterator[Callable[[bytes], None]]:
        """Give what takes the blocks of a file; it is written, as by `write`, once the block of code is left.

        In a folder a block is being written while the next one is made. Whatever is raised meanwhile goes on, and
        leaves no file; without a block there is none either.
        """
        if not self._folder:
            blocks: list[bytes] = []
            yield blocks.append
            if blocks:
                with refusals():
                    obstore.put(self._objects, key, b"".join(blocks), use_multipart=False)
            return
        file = DurableFile(self._folder / key, self._folder)  # obstore leaves it to the kernel when the disk has it

        def take(block: bytes) -> None:
            with refusals():
                self._check()
                file.write(block)

        try:
            yield take
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
        """Return the bytes of a file from `start` up to `end`, which must lie in it. Raises FileNotFoundError."""
        with refusals(key, partial(self._check, key)):
            return bytes(obstore.get_range(self._objects, key, start=start, end=end))

    def files(self, prefix: str) -> Iterator[Stored]:
        """Yield the files under a prefix such as `batches/{id}`, in no order."""
        with refusals():
            for chunk in obstore.list(self._objects, prefix, chunk_size=1000):
                for found in chunk:
                    yield Stored(found["path"], found["size"], found["last_modified"])

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names right under a prefix that lead to files: the ids of all batches for `batches`.

        In a folder, one that a broken-off write left without a whole file is among them.
        """
        with refusals():
            found = obstore.list_with_delimiter(self._objects, prefix)
        return tuple(path.rpartition("/")[2] for path in found["common_prefixes"])

    def delete(self, prefix: str) -> None:
        """Delete all files under a prefix, and what broken-off writes left there; none is no error."""
        if self._folder:
            with refusals():
                self._check()
                shutil.rmtree(self._folder / prefix, onerror=_pass_over_missing)
            return
        keys = [stored.key for stored in self.files(prefix)]
        with refusals():
            obstore.delete(self._objects, keys)

    def _check(self, key: str = MARK) -> None:
        """Raise FileNotFoundError if the store's folder is not what it was, or the one of this key is not there.

        Nothing in it counts as lost then: it may be a disk that is not mounted, or a folder that is being restored.
        """
        if self._folder:
            (self._folder / MARK).stat()
            (self._folder / key).parent.stat()


@contextmanager
def refusals(key: str = "", check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Turn what obstore or the disk raises into StoreUnavailable, StoreFull, or FileNotFoundError for a `key`.

    Where a file is missing, `check` says by raising OSError that the store itself is.
    """
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        if key and isinstance(error, FileNotFoundError):
            with refusals():
                check()
            raise FileNotFoundError(key) from None
        log.warning("the object store refuses: %s", (str(error).splitlines() or [type(error).__name__])[0])
        if _number_of(error) in NO_ROOM:
            raise StoreFull(retry_after_s=RETRY_AFTER_S) from error
        raise StoreUnavailable(retry_after_s=RETRY_AFTER_S) from error


def _number_of(error: Exception) -> int | None:
    """Return the system's error number, which obstore only tells in words."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    told = re.search(r"\(os error (\d+)\)|code: (\d+),", str(error))
    return int(told[1] or told[2]) if told else None


def _pass_over_missing(_call: object, _path: object, fault: tuple[object, BaseException, object]) -> None:
    if not isinstance(fault[1], FileNotFoundError):
        raise fault[1]
