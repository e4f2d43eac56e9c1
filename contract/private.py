"""Privacy of files: what a program of ours writes, patients' values among it, is readable by its user alone."""

import logging
import os
from contextlib import suppress
from pathlib import Path

OTHERS = 0o077
"""What is taken from the mode of every file: whatever group and others may do."""

log = logging.getLogger(__name__)


def keep_private() -> None:
    """Have what this process, and those that it starts, write from now on be readable by its user alone."""
    os.umask(OTHERS)


def make_private(folder: Path) -> None:
    """Take what lies in a folder, and it itself at last, from all but their user.

    A folder that is private already is left as it is, whatever lies in it: nobody else gets in. A file system that
    refuses costs a warning.
    """
    try:
        if not folder.exists() or not folder.stat().st_mode & OTHERS:
            return
        for root, _, names in os.walk(folder, topdown=False):
            for path in (*(Path(root, name) for name in names), Path(root)):
                with suppress(FileNotFoundError):  # what comes and goes meanwhile is private
                    if not path.is_symlink():
                        path.chmod(path.stat().st_mode & ~OTHERS)
    except OSError as error:
        log.warning("%s stays readable by others: its modes cannot be changed (%s)", folder, error.strerror)
