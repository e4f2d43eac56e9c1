"""Messages that are none of ours, as someone who can write to Redis would put them into a queue."""

import base64
import json
import pickle
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from core.ids import new_id
from core.transport.queue import NOTIFY, SCORE

Wire = dict[str, Any]

LATER = "2999-01-01T00:00:00+00:00"
NOTHING = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


class Bomb:
    """What, when unpickled, ends the process."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os._exit, (77,)


def wire(task: str, arguments: object, named: object = None, then: object = None) -> Wire:
    """Return a message as Celery would send it."""
    body = json.dumps([arguments, {} if named is None else named, NOTHING if then is None else then])
    id = new_id()
    return {
        "body": to_base64(body.encode()),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": id, "root_id": id, "retries": 0, "timelimit": [None, None]},
        "properties": {
            "correlation_id": id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "interactive"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": new_id(),
        },
    }


def to_base64(data: bytes) -> str:
    """Return the bytes as they stand in a message."""
    return base64.b64encode(data).decode()


def changed(message: Wire, *path: str, to: object = None, gone: bool = False) -> bytes:
    """Return the message with one thing changed, or gone."""
    copy: Any = deepcopy(message)
    place: Any = copy
    for step in path[:-1]:
        place = place[step]
    if gone:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return json.dumps(copy).encode()


def raw_messages() -> Iterator[tuple[str, bytes]]:
    """Yield what is no message at all, by what it is."""
    yield "nothing", b""
    yield "no JSON", b"no JSON"
    yield "bytes that are no text", b"\xff\xfe\x00"
    yield "half a message", json.dumps(wire(SCORE, [0, []])).encode()[:200]
    yield "a pickle", pickle.dumps(Bomb())
    yield "a number", b"1"
    yield "null", b"null"
    yield "a list", b"[]"
    yield "an empty object", b"{}"
    yield "a string", b'"x"'
    yield "deep nesting", b"[" * 100_000 + b"]" * 100_000
    yield "a huge integer", b'{"body": ' + b"9" * 50_000 + b"}"
    yield "a number that is none", b'{"body": NaN}'
    yield "a type of kombu's", b'{"__type__": "decimal", "__value__": "x"}'
    yield "a huge message", b'{"body": "' + b"A" * 20_000_000 + b'"}'


def messages(task: str = SCORE) -> Iterator[tuple[str, bytes]]:
    """Yield what is not ours, by what is wrong with it; `task` is that of the queue it is meant for."""
    yield from raw_messages()
    good = wire(task, [] if task == NOTIFY else [0, []])
    for part in good:
        yield f"no {part}", changed(good, part, gone=True)
        yield f"null for {part}", changed(good, part)
        yield f"a list for {part}", changed(good, part, to=[1])
    for part in ("task", "id"):
        yield f"no {part} in the headers", changed(good, "headers", part, gone=True)
        yield f"a list for the {part}", changed(good, "headers", part, to=["x"])
    for part in ("delivery_tag", "body_encoding"):
        yield f"no {part} in the properties", changed(good, "properties", part, gone=True)
    yield "a tag that is no id", changed(good, "properties", "delivery_tag", to="x" * 10_000)
    yield "another encoding of the body", changed(good, "properties", "body_encoding", to="rot13")
    yield "an unknown task", changed(good, "headers", "task", to="os.system")
    yield "a task of Celery's", changed(good, "headers", "task", to="celery.chord")
    yield "a pickled body", changed(good, "body", to=to_base64(pickle.dumps([[], {}, {}])))
    pickled = {**good, "content-type": "application/x-python-serialize", "content-encoding": "binary"}
    yield "a pickled body that says so", changed(pickled, "body", to=to_base64(pickle.dumps(Bomb())))
    yield "YAML", changed(good, "content-type", to="application/x-yaml")
    yield "another charset", changed(good, "content-encoding", to="utf-7")
    yield "a body that is no base64", changed(good, "body", to="?!" * 10)
    yield "a body with a letter beyond ASCII", changed(good, "body", to="é")
    yield "a body that is no JSON", changed(good, "body", to=to_base64(b"\xff{"))
    bodies = {
        "too few arguments": [[], {}, NOTHING] if task != NOTIFY else [[1], {}, NOTHING],
        "arguments of other types": [["x", 1], {}, NOTHING],
        "arguments that are no list": ["x", {}, NOTHING],
        "ids that are none": [[0, ["../../etc/passwd"]], {}, NOTHING],
        "ids that are numbers": [[0, [1, 2]], {}, NOTHING],
        "too many ids": [[0, [new_id()] * 300], {}, NOTHING],
        "a time that is none": [[True, []], {}, NOTHING],
        "a time below zero": [[-1, []], {}, NOTHING],
        "a time beyond all": [[2**70, []], {}, NOTHING],
        "named arguments": [[0, []], {"sent_ms": 1}, NOTHING],
        "a task to follow": [[0, []], {}, {"callbacks": [{"task": "os.system"}]}],
        "an object": {"args": [0, []]},
        "nothing": None,
    }
    for name, body in bodies.items():
        yield f"a body of {name}", changed(good, "body", to=to_base64(json.dumps(body).encode()))


def strange_messages(task: str = SCORE) -> Iterator[tuple[str, bytes]]:
    """Yield messages that are ours as far as is looked, and whose other parts say what they will."""
    good = wire(task, [] if task == NOTIFY else [0, []])
    yield "a far time to begin", changed(good, "headers", "eta", to=LATER)
    yield "a time to begin that is none", changed(good, "headers", "eta", to="soon")
    yield "a time limit of nothing", changed(good, "headers", "timelimit", to=[0.000001, 0.000001])
    yield "time limits that are none", changed(good, "headers", "timelimit", to="x")
    yield "a compression", changed(good, "headers", "compression", to="application/x-gzip")
    yield "stamps", changed(good, "headers", "stamps", to=[1])
    yield (
        "a way back that is none",
        changed(good, "properties", "delivery_info", to={"exchange": "x", "routing_key": 1}),
    )
    yield "no way back", changed(good, "properties", "delivery_info", gone=True)
    yield "a priority that is none", changed(good, "properties", "priority", to="high")
    if task != NOTIFY:
        yield "a time to come", json.dumps(wire(task, [2**50, []])).encode()
        yield "a job that there is not", json.dumps(wire(SCORE, [0, [new_id()]])).encode() if task == SCORE else b"{}"
