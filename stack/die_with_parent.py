"""Runs a command that ends when its parent does: `python -m stack.die_with_parent COMMAND...`.

A supervisord that is killed with SIGKILL cannot stop its programs, nor can an `up` that is killed so stop supervisord.
So each of them is started through this module: it asks Linux to send SIGTERM as soon as the parent is gone, whatever
ended it, and then becomes the command (exec). Other systems (macOS) have no such request: there, the command is run as
it is, and outlives a parent that is killed with SIGKILL.
"""

import ctypes
import os
import signal
import sys

PARENT = "SCORELINE_DIES_WITH"
"""The variable that tells the next process started through this module the pid of its parent; exec keeps the pid."""

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask for SIGTERM when `parent`, the pid of this process's parent, is gone. Raises SystemExit if it is already.

    The request is kept by an exec, and not by a fork. Linux counts the parent as gone when the thread that started this
    process ends, so a program must start such processes from its main thread.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the request was made, so no signal will come
        raise SystemExit(f"process {parent}, the parent, is gone")


def main() -> None:
    """Tie this process to its parent, then become the command."""
    command = sys.argv[1:]
    if not command:
        raise SystemExit("usage: python -m stack.die_with_parent COMMAND...")
    die_with_parent(int(os.environ.get(PARENT, os.getppid())))
    os.environ[PARENT] = str(os.getpid())
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
