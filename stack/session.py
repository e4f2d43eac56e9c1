"""The session: supervisord and all that was started under it, found by the id that the kernel gives them.

Read from /proc, so that elsewhere than on Linux a session seems empty.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

POLL_S = 0.05
UNKILLABLE_AFTER_S = 5


def list_members(session: int) -> list[int]:
    """Return the pids of the living processes in the session, whoever their parent is by now."""
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _is_member(stat, session)]


def _is_member(stat: Path, session: int) -> bool:
    try:
        # The name, in parentheses, may hold anything; after it come the state, parent, group and session.
        state, _, _, id = stat.read_text(errors="replace").rpartition(")")[2].split()[:4]
    except (OSError, ValueError):  # it ended while we looked
        return False
    return int(id) == session and state not in "ZX"


def end_session(session: int, patience_s: float) -> None:
    """Give the session's processes `patience_s` seconds to end by themselves, then kill those that are left."""
    started_s = time.monotonic()
    while members := list_members(session):
        late_s = time.monotonic() - started_s - patience_s
        if late_s >= UNKILLABLE_AFTER_S:  # stuck in the kernel, say on a dead disk: nobody can end it
            return
        for pid in members if late_s >= 0 else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_S)
