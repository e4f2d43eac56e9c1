"""The released bundle, followed: a newer one in its folder is taken up without a restart."""

import logging
from pathlib import Path

from contract.errors import BrokenBundle
from models.card import CARD_FILE, MODEL_FILE
from models.scorer import Scorer, open_session, read_bundle

Mark = tuple[int, int, int]
"""What tells a file from the one that was there before: inode, size in bytes, ns since 1970 of its last change."""

log = logging.getLogger(__name__)


class Released:
    """Gives the scorer of the newest bundle in a folder that can be loaded.

    The bundle that was there at first is kept as it was read, so that a process forked later can score with it even
    if what has since taken its place is broken. Raises BrokenBundle if that first one is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = self._look()
        self._first = read_bundle(folder)
        self._scorer: Scorer | None = None

    def scorer(self) -> Scorer:
        """Return the scorer; to be called between batches, in the process that scores.

        A bundle that cannot be loaded is refused, and said so in the log once; the one before goes on.
        """
        if self._scorer is None:  # not before: an onnxruntime session does not survive a fork
            card, model = self._first
            self._scorer = Scorer(card, open_session(model, self._folder))
        if (seen := self._look()) != self._seen:
            self._seen = seen
            try:
                self._scorer = Scorer.load(self._folder)
                log.warning("model %s is taken up", self._scorer.version)
            except BrokenBundle as error:
                log.error("a new bundle is refused, model %s goes on: %s", self._scorer.version, error)
        return self._scorer

    def _look(self) -> list[Mark | None]:
        return [_mark(self._folder / name) for name in (MODEL_FILE, CARD_FILE)]


def _mark(path: Path) -> Mark | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
