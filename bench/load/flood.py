"""A key that takes all it can get: `python -m bench.load.flood KIND URL KEY BODY`.

BODY is the file that is sent again and again; of one with jobs each line is a body, and the connections share them. It
prints `begun` once the flood has reached its height, goes on until its input ends, cancels what it has left open, and
prints how often each status was answered, as JSON. A process of its own, so that it takes no time from the client that
is measured.

A greedy client does not obey `Retry-After`. It makes a short pause after a refusal all the same: without one, the time
that its own requests take of the gateway would be measured, and not what it does to the queue.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from bench.load.client import Client

PAUSE_S = 0.05  # after a refusal
LOOK_EVERY_S = 0.2
AT_ITS_HEIGHT_WITHIN_S = 30
IDLE = "idle"
JSON, CSV = "application/json", "text/csv"
OPEN = ("queued", "running")

Answers = Counter[int]
Step = Callable[[Client, bytes, Event], int]
"""Does once what a connection of the flood does again and again, given the body to send; returns the status."""


def send_file(client: Client, body: bytes, ended: Event) -> int:
    """Upload a file, and return once it has ended and is erased."""
    if (status := client.ask("POST", "/v1/batches", body, Content_Type=CSV)) != 202:
        return status
    place = f"/v1/batches/{client.json()['id']}"
    while not ended.wait(LOOK_EVERY_S):
        if client.ask("GET", place) == 200 and client.json()["state"] not in OPEN:
            client.ask("DELETE", place)
            break
    return status


def submit(client: Client, body: bytes, _: Event) -> int:
    """Submit a job and do not wait for it."""
    return client.ask("POST", "/v1/jobs?explain=true", body, Content_Type=JSON)


def read(client: Client, body: bytes, _: Event) -> int:
    """Read a job; the body is its path."""
    return client.ask("GET", body.decode())


@dataclass(frozen=True, slots=True)
class Kind:
    """A flood: what each of its connections does, and which answers show that it has reached its height."""

    connections: int
    step: Step
    stands: Callable[[Answers], bool]


KINDS = {
    "files": Kind(20, send_file, lambda answers: answers[202] >= 20),
    "explained": Kind(4, submit, lambda answers: answers[202] >= 8),
    "backlog": Kind(8, submit, lambda answers: answers[429] > 0),
    "answers": Kind(20, read, lambda answers: answers.total() >= 40),
}


def flood(kind: Kind, url: str, key: str, body: bytes, ended: Event, answers: Answers) -> None:
    """Do on one connection what the kind does, until `ended` is set; count the answers."""
    with Client(url, key) as client:
        while not ended.is_set():
            status = kind.step(client, body, ended)
            answers[status] += 1
            if status not in (200, 202):
                ended.wait(PAUSE_S)


def cancel_all(url: str, key: str) -> None:
    """Cancel whatever the key has open."""
    with Client(url, key) as client:
        for what in ("jobs", "batches"):
            for state in OPEN:
                while client.ask("GET", f"/v1/{what}?state={state}") == 200 and (found := client.json()["data"]):
                    for one in found:
                        client.ask("POST", f"/v1/{what}/{one['id']}/cancel")


@contextmanager
def flooded(name: str, url: str, key: str, body: Path) -> Iterator[Answers]:
    """Have the key flood until the block is left; then what it was answered is in what the block was given."""
    answers = Answers()
    command = [sys.executable, "-m", "bench.load.flood", name, url, key, str(body)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603 - our own command
        assert process.stdout  # noqa: S101 - for mypy: it is a pipe
        process.stdout.readline()  # it has reached its height
        try:
            yield answers
        finally:
            counts = json.loads(process.communicate()[0])
            answers.update({int(status): count for status, count in counts.items()})


def follow_input(ended: Event) -> None:
    """Set `ended` when the input ends."""
    sys.stdin.read()
    ended.set()


def main() -> None:
    """Flood until the input ends."""
    name, url, key, place = sys.argv[1:]
    kind, content, ended, answers = KINDS[name], Path(place).read_bytes(), Event(), Answers()
    bodies = content.splitlines() if kind.step is submit else [content]
    with ThreadPoolExecutor(kind.connections + 1) as pool:
        going = [
            pool.submit(flood, kind, url, key, bodies[number % len(bodies)], ended, answers)
            for number in range(kind.connections)
        ]
        for _ in range(int(AT_ITS_HEIGHT_WITHIN_S / LOOK_EVERY_S)):
            if kind.stands(answers):
                break
            ended.wait(LOOK_EVERY_S)
        print("begun", flush=True)
        pool.submit(follow_input, ended)
    for one in going:
        one.result()
    cancel_all(url, key)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
