"""What a service answers to what is wrong: never a 5xx, never late, and never with the words of who sent it."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from bench.local.conditions import wait_until
from core.ledger.batch import SCORE_COLUMNS
from core.schema.patient import COLUMNS
from tests.hostile.attacks import Prepared
from tests.hostile.bad_input import Bad

AT_ONCE = 4
ENDED_WITHIN_S = 60
OPEN = ("queued", "running")
DECLARED = {*COLUMNS, *SCORE_COLUMNS, "patients", "file", "form", ""}
"""What the field of an error may be called, though it stands in a body; a place in a list is a number."""


@dataclass(slots=True)
class Judgement:
    """What was answered: how often each status, what was late or a 5xx, and which kinds of input came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0
    slowest: str = ""
    echoed: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    @property
    def failed(self) -> int:
        """How many answers were a 5xx, or none."""
        return sum(count for status, count in self.statuses.items() if status >= 500 or status == 0)


def judge(prepared: Prepared, path: str, bad: Iterable[Bad]) -> Judgement:
    """Send each to the path, some at once, and return what was answered; follow a file that is taken to its end."""
    judgement = Judgement()

    def send(one: Bad) -> None:
        status, said = timed(prepared, judgement, one.kind, "POST", path, one.body, one.headers)
        judge_text(judgement, one, said)
        if status == 202 and path.startswith("/v1/batches"):
            follow(prepared, judgement, one, f"/v1/batches/{json.loads(said)['id']}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(send, bad):
            continue
    return judgement


def follow(prepared: Prepared, judgement: Judgement, bad: Bad, place: str) -> None:
    """Wait until a batch has ended, and look at its errors."""

    def has_ended() -> bool:
        status, said = timed(prepared, judgement, bad.kind, "GET", place)
        return status == 200 and json.loads(said)["state"] not in OPEN

    wait_until(has_ended, within_s=ENDED_WITHIN_S, what="a batch to end")
    for path in (place, f"{place}/errors"):
        judge_text(judgement, bad, timed(prepared, judgement, bad.kind, "GET", path)[1])


def timed(
    prepared: Prepared,
    judgement: Judgement,
    kind: str,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """Make a request; return status and body, 0 and nothing where no answer comes, and note status and time."""
    login, _, key = prepared.login.partition(": ")
    connection, begun_s = http.client.HTTPConnection(*prepared.door, timeout=60), time.perf_counter()
    try:
        connection.request(method, path, body, {login: key, **(headers or {})})
        answer = connection.getresponse()
        status, said = answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        status, said = 0, b""
    finally:
        connection.close()
    took_s = time.perf_counter() - begun_s
    with judgement.lock:
        judgement.statuses[status] += 1
        if took_s > judgement.slowest_s:
            judgement.slowest_s, judgement.slowest = took_s, kind
    return status, said


def judge_text(judgement: Judgement, bad: Bad, said: bytes) -> None:
    """Note the kind of input if anything of it comes back: one of its marks, or a field that is not declared."""
    text = said.decode(errors="replace")
    if any(mark in text for mark in bad.marks) or any(is_sent(field, bad.body) for field in fields_of(said)):
        with judgement.lock:
            judgement.echoed[bad.kind] += 1


def fields_of(said: bytes) -> list[str]:
    """Return the fields and columns that the errors of an answer name: of a problem, or of lines."""
    found: list[str] = []
    for line in said.splitlines():
        try:
            told: Any = json.loads(line)
        except ValueError:
            continue
        errors = told.get("errors", [told]) if isinstance(told, dict) else []
        for error in errors if isinstance(errors, list) else []:
            found += [error[name] for name in ("field", "column") if isinstance(error.get(name), str)]
    return found


def is_sent(field: str, body: bytes) -> bool:
    """Whether a field is named by a word of the body that is no declared name and no place in a list."""
    steps = field.replace("[", ".").replace("]", "").split(".")
    return any(step not in DECLARED and not step.isdigit() and step.encode() in body for step in steps)
