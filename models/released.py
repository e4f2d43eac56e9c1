"""Follows the released bundle: a newer one in its folder is loaded without a restart, once it has passed its trial."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from core.errors import BrokenBundle
from core.schema.reference import Refusal
from models.bundle import FILES, Bundle, read_bundle, read_card
from models.load_check import Trial
from models.scorer import Scorer

LOADED_WITHIN_S = 1.0
"""Seconds that the first batch after a release waits for the new bundle; a longer check delays no further batch.

Below `task_limit_s`, so that no task is killed for it.
"""

FileStamp = tuple[int, int, int]
"""Tells a file from its predecessor: inode, size in bytes, ns since 1970 of its last change."""

log = logging.getLogger(__name__)


class Released:
    """Loads the newest bundle in a folder that passes the load check, and returns its scorer.

    A bundle is first loaded in a process of its own. The bundle that is there at the start is kept in memory as it was
    read, so that a process that is forked later can score with it even if its successor is broken. Raises BrokenBundle
    if that first bundle is broken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = [folder / name for name in FILES]
        self._stamps = self._read_stamps()
        try:
            self._first = read_bundle(folder)
            Trial(folder).passed()
        except BrokenBundle as error:
            raise BrokenBundle(f"The bundle in {folder} cannot be used. {error}") from error
        self._scorer: Scorer | None = None
        self._tried: tuple[Bundle, Trial] | None = None
        self._refusal: Refusal | None = None

    def scorer(self) -> Scorer:
        """Return the current scorer; call this between batches, in the process that scores.

        A bundle that fails its load check is refused, which is logged once; the previous one stays in use.
        """
        if self._scorer is None:  # not before: an onnxruntime session does not survive a fork
            self._scorer = Scorer.of(self._first)
        try:
            if bundle := self._find_new():
                self._scorer, self._refusal = Scorer.of(bundle), None
                log.warning("model %s is taken up", self._scorer.version)
        except BrokenBundle as error:
            self._tried = None
            self._refusal = Refusal(version=self._read_new_version(), reason=str(error), at=datetime.now(UTC))
            log.error("a new bundle is refused, model %s goes on: %s", self._scorer.version, error)
        return self._scorer

    def refusal(self) -> Refusal | None:
        """Return why the bundle in the folder was refused; None if it is in use, or is still being tried."""
        return self._refusal

    def _find_new(self) -> Bundle | None:
        """Return a new bundle once it has passed its trial, else None. Raises BrokenBundle if it fails."""
        patience_s = 0.0
        if (stamps := self._read_stamps()) != self._stamps:
            self._stamps, patience_s = stamps, LOADED_WITHIN_S
            if self._tried:
                self._tried[1].abandon()
                self._tried = None
            self._tried = read_bundle(self._folder), Trial(self._folder)
        if self._tried is None or not self._tried[1].passed(patience_s):
            return None
        bundle, _ = self._tried
        self._tried = None
        return bundle

    def _read_new_version(self) -> str | None:
        try:
            return read_card(self._folder).version
        except BrokenBundle:
            return None

    def _read_stamps(self) -> list[FileStamp | None]:
        return [_read_stamp(path) for path in self._paths]


def _read_stamp(path: Path) -> FileStamp | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
