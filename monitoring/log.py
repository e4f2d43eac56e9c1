"""The log, on stderr: one line for each event, in one form for our own lines and those of libraries.

Each line has the ids of the request, job or part that it is about. Nothing that a client sends can start a line of its
own. Of an unforeseen error only the type is logged, since its text could hold a patient's values.
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
"""The fields of a line, in this order; a line has those that are known."""

NOISY = ("celery.worker.strategy", "celery.app.trace")  # they log each message
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
    """Write the log of this process to stderr in this form, with warnings and uncaught errors among its lines.

    A second call changes nothing.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = lambda *error: log.critical(UNFORESEEN, "program", exc_info=error)
    threading.excepthook = log_thread_error
    sys.unraisablehook = lambda lost: log.error("an error was passed over", exc_info=lost.exc_value)


def log_thread_error(ended: threading.ExceptHookArgs) -> None:
    """Log the error that ended a thread."""
    if ended.exc_value and not isinstance(ended.exc_value, SystemExit):
        log.error(UNFORESEEN, "thread", exc_info=ended.exc_value)


def format_fatal_error(error: ScorelineError) -> str:
    """Return the line for stderr about the error that ends a program, as text or in the form of the log.

    The form is read from the environment, since the settings may be what is wrong.
    """
    if os.environ.get("SCORELINE_LOG_FORMAT") != "json":
        return f"scoreline: {error}"
    return JsonLines().format(make_record(logging.CRITICAL, "scoreline", str(error)))


def make_record(level: int, name: str, message: str) -> logging.LogRecord:
    """Return a record for a caller that writes its line without a logger."""
    return logging.makeLogRecord({"levelname": logging.getLevelName(level), "name": name, "msg": message})


def about(*, trace: str | None = None, **ids: str) -> dict[str, str]:
    """Return the `extra` of a line: ids named as in `IDS`, and the trace id of a `traceparent` in our form."""
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
    """Return the fields of an event: those of `FIELDS` that are known."""
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
    """Return a record's message; where it would quote an error, as those of asyncio and Celery do, only its type."""
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
    """Yield the places that an error came through, ending where it was raised; no values and no source lines."""
    while traceback:
        code = traceback.tb_frame.f_code
        yield f"{code.co_filename}:{traceback.tb_lineno} {code.co_qualname}"
        traceback = traceback.tb_next


def printable(text: str) -> str:
    """Return the text with every character escaped that is invisible or would move a cursor."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
