"""Runs the command line as a process of its own, as a user would."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench.local.programs import CLIENT, ROOT


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def scoreline(*arguments: str, stdin: str | bytes = "", **variables: str) -> Said:
    """Run `scoreline` with these environment variables to its end."""
    done = subprocess.run(command(*arguments), input=to_bytes(stdin), env=environment(**variables), capture_output=True)
    return Said(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode())


def command(*arguments: str) -> list[str]:
    """Return what runs `scoreline`."""
    return [sys.executable, "-m", "scoreline_client.cli", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a user who has set these variables, and none of Scoreline's else."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SCORELINE_")}
    nowhere = {"XDG_CONFIG_HOME": str(Path("/nowhere")), "PYTHONPATH": os.pathsep.join(map(str, (ROOT, CLIENT)))}
    return clean | nowhere | variables


def to_bytes(text: str | bytes) -> bytes:
    """Return what is sent to a process."""
    return text.encode() if isinstance(text, str) else text
