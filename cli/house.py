"""`scoreline up`: the whole service on this machine, as `make up` starts it."""

import os
import sys
from pathlib import Path

from core.errors import OperatorError

CHECKOUT = Path(__file__).resolve().parent.parent


def up() -> None:
    """Run the whole service on this machine.

    As `make up` does: until Ctrl-C, which loses nothing.
    """
    if not (CHECKOUT / "stack").is_dir():
        raise OperatorError(f"the service is not in {CHECKOUT}: get it whole, then run `make up` there.")
    os.chdir(CHECKOUT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "stack", "up"])  # noqa: S606 - a program of our own
