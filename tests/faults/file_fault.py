"""What a fault is that strikes files: the function that strikes, and the house that it needs."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.fault import Striking
from tests.faults.file_house import FileHouse
from tests.faults.file_scene import FileScene

FileBuild = Callable[[Path, Mapping[str, str]], AbstractContextManager[FileHouse]]
"""Makes a house of files in a folder, with these settings."""


@dataclass(frozen=True, slots=True)
class FileFault(Striking[FileScene]):
    """A fault that strikes files; `build` makes its house."""

    build: FileBuild = FileHouse
