"""Runs a command that cannot outlive its parent: `python -m stack.tether COMMAND...`.

supervisord cannot stop its programs when it is itself killed with -9, and neither can `up`. So each of them is
started through here: Linux is asked to send SIGTERM as soon as the parent is gone, however it went, and then this
process becomes the command. Elsewhere (macOS) there is no such request to make: the command is run as it is, and a
parent killed with -9 leaves it behind.
"""

import ctypes
import os
import signal
import sys

PARENT = "SCORELINE_TETHERED_TO"
"""The variable that carries the pid of the next tether's parent; a pid outlives the exec."""

PR_SET_PDEATHSIG = 1


def tether(parent: int) -> None:
    """Ask for SIGTERM when `parent`, the pid of this process's parent, is gone. Raises SystemExit if it is already.

    The request survives an exec and not a fork. Linux counts the parent as gone when the thread that started this
    process ends, so that a program must start tethered ones from its main thread.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it went before the request was made, so that no signal will come
        raise SystemExit(f"process {parent}, the parent, is gone")


def main() -> None:
    """Tether this process, then become the command."""
    command = sys.argv[1:]
    if not command:
        raise SystemExit("usage: python -m stack.tether COMMAND...")
    tether(int(os.environ.get(PARENT, os.getppid())))
    os.environ[PARENT] = str(os.getpid())
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
