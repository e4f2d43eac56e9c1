"""Runs a command whose files cannot grow beyond a size: `python -m tests.faults.narrow_disk BYTES COMMAND...`.

A full disk without root: Unix refuses any write past RLIMIT_FSIZE, in the same place where a full disk would.
"""

import os
import resource
import signal
import sys


def main() -> None:
    """Set the limit, then become the command."""
    most = int(sys.argv[1])
    # Left alone, the signal would kill the program before it is told that the write failed (EFBIG).
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
