"""Environments for what Scoreline itself does not need: the peers and the profiler, at the versions of bench/locks."""

import os
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import IO

LOCKS = Path(__file__).parents[1] / "locks"
UV = Path(sys.executable).parent / "uv"  # it is installed beside this Python


def locked_version(name: str, package: str) -> str:
    """Return the version of a package that an environment is locked to."""
    lines = lock_of(name).read_text().splitlines()
    return next(line.split()[0] for line in lines if line.startswith(f"{package}==")).removeprefix(f"{package}==")


def lock_of(name: str) -> Path:
    """Return the file that locks an environment."""
    return LOCKS / f"{name}.txt"


def environment(name: str, kept: Path) -> Path:
    """Return the folder of an environment's programs; it is made in the folder `kept` where the lock is new to it."""
    made = kept / f"{name}-{sha256(lock_of(name).read_bytes()).hexdigest()[:8]}"
    complete = made / "complete"
    if not complete.exists():
        run(UV, "venv", "--quiet", "--clear", "--python", sys.executable, made)
        locked = ("--require-hashes", "--requirement", lock_of(name))
        run(UV, "pip", "install", "--quiet", "--python", made / "bin" / "python", *locked)
        complete.touch()
    return made / "bin"


def run(*command: str | Path, out: IO[bytes] | None = None, variables: Mapping[str, str] | None = None) -> None:
    """Run a program to its end, from the project's root; it prints to `out`. Raises CalledProcessError if it fails."""
    settings = os.environ | (variables or {})
    subprocess.run(command, cwd=LOCKS.parents[1], env=settings, stdout=out, check=True)  # noqa: S603 - our own command
