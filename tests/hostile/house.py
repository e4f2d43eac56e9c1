"""A whole real service under attack: who is hurt, and by how much."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import free_port, responds, running, valkey
from core.schema.patient import EXAMPLE
from monitoring.processes import RESIDENT, children, read_stat
from tests.receiver import SECRET

PAGE_BYTES = 4_096
ROOMS = {"run": ("run",), "bulk": ("run", "--queue", "bulk"), "notify": ("notify",), "sweep": ("sweep",)}
PORTS = {"api": "API", "run": "WORKER", "bulk": "BULK", "notify": "NOTIFY"}
SHORT = {
    "SCORELINE_HEAD_TIMEOUT_S": "1",
    "SCORELINE_BODY_TIMEOUT_S": "1",
    "SCORELINE_UPLOAD_IDLE_S": "1",
    "SCORELINE_UNREAD_TIMEOUT_S": "1",
    "SCORELINE_CONNECTIONS_LIMIT": "50",
    "SCORELINE_WORKER_PROCESSES": "1",
    "SCORELINE_BULK_PROCESSES": "1",
}


@dataclass
class House:
    """A service: where it answers, its Redis, its processes by name, where each shows its metrics, and what it held."""

    url: str
    redis: Redis
    pids: dict[str, int]
    metrics: dict[str, str]
    held_bytes: int = 0

    @property
    def door(self) -> tuple[str, int]:
        """Where the gateway listens."""
        place = urlsplit(self.url)
        return place.hostname or "", place.port or 0

    def still_scores(self) -> bool:
        """Whether a patient is scored, by the processes that there always were."""
        answer = httpx2.post(f"{self.url}/api/prediction", json=EXAMPLE, timeout=20)
        return answer.status_code == 200 and all(read_stat(pid) for pid in self.pids.values())

    def memory_bytes(self) -> int:
        """Return what gateway, workers and notifier hold in memory, with their children."""
        stats = [read_stat(pid) for root in self.pids.values() for pid in (root, *children(root))]
        return PAGE_BYTES * sum(int(stat[RESIDENT]) for stat in stats if stat)

    def count(self, room: str, metric: str) -> float:
        """Return the sum of a metric that a program shows."""
        lines = httpx2.get(f"{self.metrics[room]}/metrics", timeout=20).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(metric))


@contextmanager
def housed(folder: Path) -> Iterator[House]:
    """Run a service of all rooms with short times and few connections."""
    with ExitStack() as stack:
        redis_url, api_port = stack.enter_context(valkey(folder / "valkey")), str(free_port())
        where = {"SCORELINE_STORE": f"file://{folder}/store", "SCORELINE_VAR": str(folder / "var")}
        variables = SHORT | where | {"SCORELINE_REDIS_URL": redis_url, "SCORELINE_CALLBACK_SECRET": SECRET}
        ports = {name: str(free_port()) for name in PORTS}
        variables |= {f"SCORELINE_{PORTS[name]}_METRICS_PORT": port for name, port in ports.items()}
        pids = {
            name: stack.enter_context(running("worker", *command, log=folder / f"{name}.log", **variables)).pid
            for name, command in ROOMS.items()
        }
        api = running("api", log=folder / "api.log", SCORELINE_API_PORT=api_port, **variables)
        pids["api"] = stack.enter_context(api).pid
        url, metrics = (
            f"http://127.0.0.1:{api_port}",
            {name: f"http://127.0.0.1:{port}" for name, port in ports.items()},
        )
        wait_until(lambda: responds(f"{url}/health/ready"), within_s=60, what="the service to be ready")
        for name in PORTS:
            wait_until(lambda name=name: responds(f"{metrics[name]}/metrics"), within_s=30, what=name)  # type: ignore[misc]
        yield House(url, stack.enter_context(Redis.from_url(redis_url)), pids, metrics)


def say(house: House, sent: bytes) -> tuple[int, bytes, bytes]:
    """Return the status, the headers and the body that come back, or 0 if the connection is closed without any."""
    with socket.create_connection(house.door, timeout=30) as line:
        got = b""
        try:
            line.sendall(sent)
            while piece := line.recv(65_536):
                got += piece
        except (ConnectionResetError, BrokenPipeError):  # it is refused before it is read
            got += drained(line)
    head, _, body = got.partition(b"\r\n\r\n")
    return (int(head.split(b" ")[1]) if got else 0), head, body


def drained(line: socket.socket) -> bytes:
    """Return what still is to be read of a connection that does not take more."""
    try:
        return line.recv(1_000_000)
    except OSError:
        return b""
