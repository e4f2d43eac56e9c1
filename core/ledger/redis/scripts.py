"""The scripts of the ledger, one file each in `lua`; how they are run, and which errors that raises.

Nothing runs between the steps of a script, and each reads the clock of Redis, so that no other machine's clock matters
to it. Keys are computed inside the scripts: one Redis, or one with replicas, but no cluster.

What Redis is given is a first line that says when the script may be refused, the libraries that the script begins with,
and the script itself. A word in capitals names a constant, of which the value is put in its place (`constants.py`):
were they variables, making the functions that use them would cost each run of a script 2 us more.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from redis import Redis
from redis.commands.core import Script as LoadedScript
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, RedisError, ResponseError

from core.connect import REFUSED_WHEN_FULL, RUNS_WHEN_FULL
from core.errors import LedgerUnavailable, MemoryFull, NewerLedger
from core.ledger.redis.constants import NEWER, constants_of
from core.ledger.redis.keys import JOBS, Keys

FOLDER = Path(__file__).parent / "lua"

LUA = {path.relative_to(FOLDER).with_suffix("").as_posix(): path.read_text("utf-8") for path in FOLDER.rglob("*.lua")}
"""The text of each file in lua/, read when a program starts: one that still runs after an upgrade keeps its own."""

NAME = re.compile(r"\b[A-Z][A-Z0-9_]*\b")
"""How a constant is named in a script. What else is spelt so, such as a command, has the name of none."""

MEMORY_RETRY_AFTER_S = 10
"""Seconds after which to retry if memory is full: it takes time until results expire or an operator acts."""

log = logging.getLogger(__name__)


class Needs(Enum):
    """What Redis must have for a script to be run; the value is the script's first line."""

    MEMORY = REFUSED_WHEN_FULL
    """The script writes down what is new: it alone is refused by a Redis whose memory is full."""

    DISK = RUNS_WHEN_FULL
    """The script is refused by a Redis that takes no change since its disk is full."""

    NOTHING = "#!lua flags=no-writes\n"
    """The script writes nothing, and must be able to answer even then."""


@dataclass(frozen=True, eq=False)
class Script:
    """A script: the name of its file, the libraries that it begins with, in their order, and what it needs."""

    name: str
    libraries: tuple[str, ...] = ()
    needs: Needs = Needs.DISK

    @property
    def body(self) -> str:
        """What is the script's own, without what it begins with."""
        return LUA[self.name]

    def render(self, ledger: Keys = JOBS, needs: Needs | None = None) -> str:
        """Return the text that Redis runs, for a ledger with these keys; `needs` goes before the script's own."""
        text = "".join(LUA[library] for library in self.libraries) + self.body
        return (needs or self.needs).value + fill_in_constants(text, ledger)


def fill_in_constants(text: str, ledger: Keys) -> str:
    """Return the text with the value of each constant in the place of its name."""
    values = {name: to_lua(value) for name, value in constants_of(ledger).items()}
    return NAME.sub(lambda found: values.get(found[0], found[0]), text)


def to_lua(value: str | int) -> str:
    """Return a constant as it is written in Lua. Raises ValueError for a text that would have to be escaped."""
    if isinstance(value, int):
        return str(value)
    if not value.isprintable() or "'" in value or "\\" in value:
        raise ValueError(f"{value!r} would have to be escaped in Lua")
    return f"'{value}'"


OVER_JOBS = ("lib/jobs", "lib/waiting")
OVER_BATCHES = (*OVER_JOBS, "lib/batches")
OVER_HISTOGRAMS = ("lib/seconds",)

SUBMIT_JOBS = Script("submit_jobs", OVER_JOBS, Needs.MEMORY)
CLAIM_JOBS = Script("claim_jobs", (*OVER_JOBS, "lib/fair_queue"))
WANTS_MESSAGE = Script("wants_message", OVER_JOBS)
RENEW_LEASES = Script("renew_leases", OVER_JOBS)
FINISH_JOBS = Script("finish_jobs", OVER_JOBS)
READ_ANSWERS = Script("read_answers", OVER_JOBS, Needs.NOTHING)
CANCEL_JOB = Script("cancel_job", OVER_JOBS)
ERASE_JOB = Script("erase_job", OVER_JOBS)
REAP_JOBS = Script("reap_jobs", OVER_JOBS)
TRIM_INDEXES = Script("trim_indexes", OVER_JOBS)
REPLAY_JOB = Script("replay_job", OVER_JOBS, Needs.MEMORY)
DROP_DEAD_LETTER = Script("drop_dead_letter", OVER_JOBS)

TAKE_CALLBACKS = Script("take_callbacks", OVER_JOBS)
PUT_OFF_CALLBACK = Script("put_off_callback", OVER_JOBS)

CREATE_BATCH = Script("create_batch", OVER_BATCHES, Needs.MEMORY)
BEGIN_PART = Script("begin_part", OVER_BATCHES)
PUT_BACK_PART = Script("put_back_part", OVER_BATCHES)
FINISH_PART = Script("finish_part", OVER_BATCHES)
FAIL_BATCH = Script("fail_batch", OVER_BATCHES)
FAIL_DEAD_LETTERED_BATCHES = Script("fail_dead_lettered_batches", OVER_BATCHES)
CANCEL_BATCH = Script("cancel_batch", OVER_BATCHES)
ERASE_BATCH = Script("erase_batch", OVER_BATCHES)

HOLD_UPLOAD = Script("hold_upload", OVER_BATCHES)
LIST_TRASH = Script("list_trash", OVER_BATCHES)
FORGET_TRASH = Script("forget_trash", OVER_BATCHES)

ADD_TO_HISTOGRAMS = Script("add_to_histograms", OVER_HISTOGRAMS, Needs.MEMORY)  # it leaves what is left to jobs
READ_HISTOGRAMS = Script("read_histograms", OVER_HISTOGRAMS)

COMPARE_CHECKPOINT = Script("compare_checkpoint", OVER_JOBS)
IS_REWRITE_DUE = Script("is_rewrite_due")
AUDIT_MODEL = Script("audit_model")
FIND_KEY = Script("find_key", needs=Needs.NOTHING)


class Scripts:
    """The scripts of the ledger with these keys, each loaded when it is first run."""

    def __init__(self, redis: Redis, keys: Keys = JOBS) -> None:
        self._redis = redis
        self._keys = keys
        self._loaded: dict[tuple[Script, bool], LoadedScript] = {}

    def run(self, script: Script, *args: str | bytes | int, always: bool = False) -> Any:
        """Run the script and return its result; with `always`, even one that needs memory runs while memory is full.

        Raises RedisError and NewerLedger.
        """
        if (script, always) not in self._loaded:
            text = script.render(self._keys, Needs.DISK if always else script.needs)
            self._loaded[script, always] = self._redis.register_script(text)
        try:
            return self._loaded[script, always](args=args)
        except ResponseError as error:
            if str(error).startswith(NEWER.partition(" ")[0]):
                raise NewerLedger from None
            raise


@contextmanager
def raising_ledger_errors() -> Iterator[None]:
    """Raise LedgerUnavailable for any error of Redis in the block, but MemoryFull if its memory is full.

    Logs missing permissions, which only an operator can fix.
    """
    try:
        yield
    except OutOfMemoryError as error:
        raise MemoryFull(retry_after_s=MEMORY_RETRY_AFTER_S) from error
    except RedisError as error:
        if isinstance(error, AuthenticationError | NoPermissionError) or "ACL failure" in str(error):  # in a script
            log.error("Redis refuses the user of SCORELINE_REDIS_URL what this program needs: %s", error)
        raise LedgerUnavailable(retry_after_s=1) from error
