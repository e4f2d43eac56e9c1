"""A line of the log: one an event, in one form, whoever writes it and whatever it holds."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from bench.local.programs import ROOT
from core.errors import LedgerUnavailable
from monitoring.log import ORIGIN, JsonLines, TextLines, about

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FAILING = """
import asyncio, threading, warnings
from monitoring.log import start_log

def fail(*_):
    raise ValueError("age 63.125\\nforged")

async def break_off():
    fail()

async def leave():
    asyncio.ensure_future(break_off())
    await asyncio.sleep(0)

start_log("json")
warnings.warn("look\\nhere")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
type("Dying", (), {"__del__": fail})()
asyncio.run(leave())
fail()
"""
FORGED = "gone\n2026-01-01T00:00:00.000Z INFO api all is well\r\x1b[2K\x85\u2028\u202e\ud800"


def record(message: str, *args: object, error: BaseException | None = None, **extra: Any) -> logging.LogRecord:
    """Return what a logger hands on."""
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("api.jobs.routes", logging.WARNING, __file__, 1, message, args or None, exc_info)
    made.created = 1_700_000_000.0625
    vars(made).update(extra)
    return made


def told(made: logging.LogRecord) -> dict[str, Any]:
    """Return what the line of JSON says."""
    line = JsonLines().format(made)
    assert line.isprintable()
    assert line.isascii()
    event: dict[str, Any] = json.loads(line)
    return event


def test_a_line_says_when_how_grave_where_and_what() -> None:
    made = record("%d jobs", 3)
    vars(made).update(about(job_id="a-job", trace=TRACE))
    assert TextLines().format(made) == (
        "2023-11-14T22:13:20.062Z WARNING api.jobs.routes 3 jobs job_id=a-job trace_id=4bf92f3577b34da6a3ce929d0e0e4736"
    )
    assert told(made) == {
        "time": "2023-11-14T22:13:20.062Z",
        "level": "WARNING",
        "logger": "api.jobs.routes",
        "message": "3 jobs",
        "job_id": "a-job",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }


@pytest.mark.parametrize("form", [TextLines, JsonLines])
def test_what_a_client_sends_forges_no_line(form: type[logging.Formatter]) -> None:
    for made in (record(FORGED), record("%s", FORGED), record("well", request_id=FORGED, route=FORGED)):
        line = form().format(made)
        assert line.isprintable()
        assert "all is well" in line
        line.encode()


def test_a_line_names_the_request_that_is_served() -> None:
    token = ORIGIN.set(("a-request", TRACE))
    try:
        assert told(record("well")).items() >= {"request_id": "a-request", "trace_id": TRACE[3:35]}.items()
    finally:
        ORIGIN.reset(token)
    assert "request_id" not in told(record("well"))


def caught() -> BaseException:
    """Return an error that was raised from another, each of which tells a patient's value."""
    try:
        try:
            raise ValueError("age 63.125\n2026 forged")
        except ValueError as error:
            raise LedgerUnavailable("age 63.125") from error
    except LedgerUnavailable as error:
        return error


def test_of_an_error_its_types_and_places_are_told_and_not_its_text() -> None:
    made = record("failed", error=caught())
    event, [line, place] = told(made), TextLines().format(made).splitlines()
    assert event["exception"] == "LedgerUnavailable from ValueError"
    assert event["stack"] == [place.removeprefix("    | ")]
    assert event["stack"][0].endswith(" caught")
    assert line.endswith("failed exception=LedgerUnavailable from ValueError")
    assert "63.125" not in JsonLines().format(made) + TextLines().format(made)


def test_of_a_task_that_failed_celery_tells_no_text_either() -> None:
    context = {"name": "scoreline.score", "id": "an-id", "exc": repr(caught()), "description": "raised unexpected"}
    made = record("Task %(name)s[%(id)s] %(description)s: %(exc)s", context, error=caught())
    assert told(made)["message"] == "Task scoreline.score[an-id] raised unexpected: LedgerUnavailable"


def test_an_error_that_is_none_is_told_as_none() -> None:
    assert "exception" not in told(record("well", exc_info=sys.exc_info()))


def test_what_python_would_write_by_itself_is_a_line_too_and_tells_no_text_of_an_error() -> None:
    ran = subprocess.run([sys.executable, "-c", FAILING], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "63.125" not in ran.stderr
    events = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [event["message"] for event in events[1:]] == [
        "an error that no one foresaw ended this thread",
        "an error was passed over",
        "Task exception was never retrieved",
        "an error that no one foresaw ended this program",
    ]
    assert "UserWarning: look\nhere" in events[0]["message"]
    assert {event["exception"] for event in events[1:]} == {"ValueError"}
