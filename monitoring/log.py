"""The log: one line an event, in one form for our own lines and those of the libraries, on stderr.

Every line has the ids of the request, job or part that it is about. None can hold a line of its own making, whatever a
client sent; and of an error that no one foresaw only the type is told, since its text could hold a patient's values.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

from typing_extensions import override

from core.errors import ScorelineError
from core.settings import LogFormat
from core.trace import trace_id_of

IDS = ("request_id", "job_id", "batch_id", "part_id", "trace_id")
ANSWERS = ("method", "route", "status", "ms")
FIELDS = ("time", "level", "logger", "message", *IDS, *ANSWERS, "exception", "stack")
"""What a line can have, in this order; a line has only what is known."""

NOISY = ("celery.worker.strategy", "celery.app.trace")  # which tell of each message
UNFORESEEN = "an error that no one foresaw ended this %s"

log = logging.getLogger(__name__)

Origin = tuple[str, str | None]
"""A request: its id, and its `traceparent` in our form, if any. No class: it would take longer to make than the id."""

ORIGIN: ContextVar[Origin | None] = ContextVar("origin", default=None)
"""The request that is being served; its id is in every line that it causes."""


def trace() -> str | None:
    """Return the `traceparent`, in our form, of the request that is being served, if it has one."""
    origin = ORIGIN.get()
    return origin and origin[1]


def start_log(format: LogFormat) -> None:
    """Have the log of this process written to stderr in this form, and all else that Python would write there itself.

    Called again, it changes nothing.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = lambda *error: log.critical(UNFORESEEN, "program", exc_info=error)
    threading.excepthook = mourn
    sys.unraisablehook = lambda lost: log.error("an error was passed over", exc_info=lost.exc_value)


def mourn(ended: threading.ExceptHookArgs) -> None:
    """Write the line of a thread that an error ended."""
    if ended.exc_value and not isinstance(ended.exc_value, SystemExit):
        log.error(UNFORESEEN, "thread", exc_info=ended.exc_value)


def last_words(error: ScorelineError) -> str:
    """Return what a program says on stderr that cannot go on: a line for people, or one like those of the log.

    The environment is asked itself, since it may be the settings that are wrong.
    """
    if os.environ.get("SCORELINE_LOG_FORMAT") != "json":
        return f"scoreline: {error}"
    return JsonLines().format(line_of(logging.CRITICAL, "scoreline", str(error)))


def line_of(level: int, name: str, message: str) -> logging.LogRecord:
    """Return an event for who writes its line himself."""
    return logging.makeLogRecord({"levelname": logging.getLevelName(level), "name": name, "msg": message})


def about(*, trace: str | None = None, **ids: str) -> dict[str, str]:
    """Return what `extra` of a line is to be: ids of `IDS`, and the trace that a `traceparent` in our form names."""
    return ids | {"trace_id": trace_id_of(trace)} if trace else ids


class JsonLines(logging.Formatter):
    """Writes each event as an object of JSON, in ASCII."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(event_of(record))


class TextLines(logging.Formatter):
    """Writes each event for people to read; the stack of an error follows, each line of it behind a bar."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        event = event_of(record)
        stack = stack_of(record.exc_info[2] if record.exc_info else None)
        event.pop("stack", None)
        head = " ".join(str(event.pop(name)) for name in ("time", "level", "logger", "message"))
        line = " ".join([head, *(f"{name}={value}" for name, value in event.items())])
        return "\n    | ".join(map(printable, [line, *stack]))


def event_of(record: logging.LogRecord) -> dict[str, object]:
    """Return what is told of an event, those of `FIELDS` that are known."""
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event: dict[str, object] = {"time": time, "level": record.levelname, "logger": record.name}
    event["message"] = message_of(record)
    known, origin = dict(vars(record)), ORIGIN.get()
    if origin:
        known = about(request_id=origin[0], trace=origin[1]) | known
    event |= {name: known[name] for name in (*IDS, *ANSWERS) if name in known}
    if record.exc_info and record.exc_info[1]:
        event["exception"] = " from ".join(type(error).__name__ for error in chain_of(record.exc_info[1]))
        event["stack"] = list(stack_of(record.exc_info[2]))
    return event


def message_of(record: logging.LogRecord) -> str:
    """Return a record's message; of an error that it would tell whole, as asyncio and Celery do, only the type."""
    error, args = record.exc_info[1] if record.exc_info else None, record.args
    if error and record.name == "asyncio":
        return record.getMessage().partition("\n")[0]
    if error and isinstance(args, Mapping):
        return str(record.msg) % ({**args, "exc": type(error).__name__} if "exc" in args else args)
    if error and args:
        return str(record.msg) % tuple(type(one).__name__ if one is error else one for one in args)
    return record.getMessage().strip()


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, what it was raised from, and so on."""
    while error:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def stack_of(traceback: TracebackType | None) -> Iterator[str]:
    """Yield where an error came by, the place where it was raised last; no value, and no line of a source."""
    while traceback:
        code = traceback.tb_frame.f_code
        yield f"{code.co_filename}:{traceback.tb_lineno} {code.co_qualname}"
        traceback = traceback.tb_next


def printable(text: str) -> str:
    """Return the text with all that would move a cursor, or is not seen, escaped."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
