"""Clients that ask for an answer and read nothing of it, and what a gateway holds meanwhile."""

import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx2

from bench.local.conditions import wait_until
from bench.local.programs import free_port, responds, running, start_python, stop, valkey
from core.schema.patient import EXAMPLE
from monitoring.processes import RESIDENT, read_stat

RECORDS = 10_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SMALL_WINDOW_BYTES = 65_536  # of the receiver, so that the kernel does not take a whole answer for who reads nothing
LOOKS = 60
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Scene:
    """A service without a notifier and without files: where it answers, its Redis, and its gateway's process."""

    url: str
    redis_url: str
    gateway: int

    def memory_bytes(self) -> int:
        """Return what the gateway holds in memory."""
        stat = read_stat(self.gateway)
        assert stat
        return PAGE_BYTES * int(stat[RESIDENT])

    def score_many(self, headers: Mapping[str, str] = NO_HEADERS) -> str:
        """Return the path of a job of many explained records that has succeeded."""
        body = {"patients": [EXAMPLE] * RECORDS}
        sent = httpx2.post(f"{self.url}/v1/jobs?explain=true", json=body, headers=headers, timeout=60)
        path = f"/v1/jobs/{sent.json()['id']}"
        with httpx2.stream("GET", f"{self.url}{path}/events", headers=headers, timeout=60) as events:
            for piece in events.iter_bytes():  # until the end
                assert piece
        return path

    def live_s(self) -> list[float]:
        """Return the seconds that each of some looks at whether the gateway lives takes, one after the other."""
        taken = []
        with httpx2.Client(base_url=self.url, timeout=30) as client:
            for _ in range(LOOKS):
                begun_s = time.perf_counter()
                assert client.get("/health/live").status_code == 200
                taken.append(time.perf_counter() - begun_s)
        return taken

    def median_live_s(self) -> float:
        """Return the median of `live_s`."""
        return statistics.median(self.live_s())

    def median_wait_s(self) -> float:
        """Return the median of the seconds that some submits take which wait for their result."""
        taken = []
        with httpx2.Client(base_url=self.url, timeout=30) as client:
            for _ in range(LOOKS):
                begun_s = time.perf_counter()
                answer = client.post("/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=20"})
                assert answer.status_code == 200
                taken.append(time.perf_counter() - begun_s)
        return statistics.median(taken)


@contextmanager
def scene(folder: Path, **variables: str) -> Iterator[Scene]:
    """Run Valkey, worker, sweep and gateway."""
    with ExitStack() as stack:
        redis_url, port = stack.enter_context(valkey(folder / "valkey")), str(free_port())
        where = {"SCORELINE_STORE": f"file://{folder}/store", "SCORELINE_VAR": str(folder / "var")}
        variables = where | {"SCORELINE_REDIS_URL": redis_url, "SCORELINE_API_PORT": port} | variables
        for room in ("run", "sweep"):
            stack.enter_context(running("worker", room, log=folder / f"{room}.log", **variables))
        process = stack.enter_context(running("api", log=folder / "api.log", **variables))
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}/health/ready"), within_s=60, what="the service to be ready")
        yield Scene(url, redis_url, process.pid)


@contextmanager
def asking(
    url: str, path: str, headers: Mapping[str, str] = NO_HEADERS, clients: int = 1
) -> Iterator[list[socket.socket]]:
    """Have so many clients ask for what is at the path, and read nothing by themselves, until the block is left."""
    place = urlsplit(url)
    named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with ExitStack() as stack:
        lines = []
        for _ in range(clients):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW_BYTES)
            line.settimeout(30)
            line.connect((place.hostname, place.port))
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{named}\r\n".encode())
            lines.append(line)
        yield lines


def status_of(line: socket.socket) -> int:
    """Return the status that a client was answered, once it is."""
    return int(line.recv(len("HTTP/1.1 200")).split(b" ")[1])


@contextmanager
def reading(url: str, clients: int, log: Path) -> Iterator[Callable[[], list[str]]]:
    """Have so many clients read what is there again and again until the block is left; give what tells the statuses.

    They run in a process of their own, so that they take no time of this interpreter.
    """
    process = start_python("tests.hostile.readers", url, str(clients), log=log)
    try:
        yield lambda: log.read_text().split()
    finally:
        stop(process)


def read_on(url: str) -> None:
    """Read what is there again and again, and write each status to standard output."""
    place = urlsplit(url)
    while True:
        with socket.create_connection((place.hostname, place.port)) as line:
            line.sendall(f"GET {place.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            status = status_of(line)
            while line.recv(1_000_000):
                pass
        os.write(1, f"{status}\n".encode())  # in one go, beside other threads


if __name__ == "__main__":
    for _ in range(int(sys.argv[2])):
        Thread(target=read_on, args=(sys.argv[1],)).start()
