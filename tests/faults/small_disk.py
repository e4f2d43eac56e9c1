"""A disk of its own for a house: a file system in memory, which can be left without a byte of room."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Self

from typing_extensions import override

from tests.faults.file_house import FileHouse
from tests.faults.house import House

BALLAST = "ballast"
MOST_SPARE, SPARE_STEP = 4_000, 20
"""Blocks that are left at first, which the ballast then takes."""
ROOMY_BYTES = 4_000_000_000  # of memory, which is taken only as files are written


class SmallDisk:
    """A file system that is mounted on a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mount("mount", "-t", "tmpfs", "-o", f"size={ROOMY_BYTES}", "scoreline-faults", str(folder))

    def fill(self) -> None:
        """Leave no room for a single block more."""
        for spare in range(0, MOST_SPARE, SPARE_STEP):  # others write meanwhile
            stat = os.statvfs(self._folder)
            with suppress(subprocess.CalledProcessError):
                self._resize((stat.f_blocks - stat.f_bfree + spare) * stat.f_frsize)
                break
        with (self._folder / BALLAST).open("wb", buffering=0) as ballast, suppress(OSError):
            while ballast.write(bytes(stat.f_frsize)):
                continue

    def relieve(self) -> None:
        """Give it all its room back."""
        (self._folder / BALLAST).unlink()
        self._resize(ROOMY_BYTES)

    def close(self) -> None:
        """Unmount it, be it that someone still has a file open."""
        self._mount("umount", "--lazy", str(self._folder))

    def _resize(self, size_bytes: int) -> None:
        self._mount("mount", "-o", f"remount,size={size_bytes}", str(self._folder))

    def _mount(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one on the folder until the block is left."""
    disk = SmallDisk(folder)
    try:
        yield disk
    finally:
        disk.close()


@cache
def can_mount() -> bool:
    """Whether whoever runs the suite may mount a file system: on Linux, as root, and in no narrow container."""
    with tempfile.TemporaryDirectory() as name:
        try:
            SmallDisk(Path(name)).close()
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


class OnSmallDisk(House):
    """A house whose Redis, store and logs are all on one small disk."""

    @override
    def __enter__(self) -> Self:
        self.disk = self._stack.enter_context(small_disk(self.folder))
        return super().__enter__()


class FilesOnSmallDisk(OnSmallDisk, FileHouse):
    """The same for files."""
