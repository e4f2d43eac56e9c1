"""What waiting costs: thousands of clients that wait for a result on one gateway, and are then all answered."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import free_port, responds, running, valkey
from bench.processes import resident_kib, used_s
from core.ledger.redis.keys import JOBS
from core.schema.patient import EXAMPLE

TITLE = "Waiting"
CLIENTS = 10_000
BODY = json.dumps(EXAMPLE).encode()
CONNECTING_AT_ONCE = 200
IDLE_FOR_S = 5


@dataclass(frozen=True, slots=True)
class Waited:
    """What one run with `clients` clients cost the gateway."""

    clients: int
    answered: int  # with the result itself
    client_kib: float  # growth of the gateway's resident memory a waiting client
    idle_cores: float  # what the gateway burns while all of them wait
    answered_in_s: float  # from the start of the worker, start included, to the last answer


def measure(clients: int) -> Waited:
    """Return the cost of that many clients with `Prefer: wait=60`; a worker comes once all of them wait."""
    return asyncio.run(_measure(clients))


async def _measure(clients: int) -> Waited:
    port = free_port()
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(valkey(folder / "valkey"))
        variables = {"SCORELINE_REDIS_URL": url, "SCORELINE_API_PORT": str(port)}
        process = stack.enter_context(running("api", log=folder / "api.log", **variables))
        live = f"http://127.0.0.1:{port}/health/live"
        wait_until(lambda: responds(live), within_s=30, what="the gateway to answer")
        empty_kib, enough = resident_kib(process.pid), asyncio.Semaphore(CONNECTING_AT_ONCE)
        tasks = [asyncio.create_task(wait_for_result(port, enough)) for _ in range(clients)]
        with Redis.from_url(url) as redis:
            await asyncio.to_thread(
                wait_until, lambda: redis.zcard(JOBS.index + "queued") >= clients, within_s=120, what="all to wait"
            )
        full_kib, cpu_s = resident_kib(process.pid), -used_s(process.pid)
        await asyncio.sleep(IDLE_FOR_S)
        cpu_s += used_s(process.pid)
        start_s = time.perf_counter()
        stack.enter_context(running("worker", "run", log=folder / "worker.log", **variables))
        answers = await asyncio.gather(*tasks)
        took_s = time.perf_counter() - start_s
    client_kib = (full_kib - empty_kib) / clients
    return Waited(clients, sum(answers), client_kib, cpu_s / IDLE_FOR_S, took_s)


async def wait_for_result(port: int, enough: asyncio.Semaphore) -> bool:
    """Submit a patient on a connection of its own and wait; return whether the answer was the result."""
    async with enough:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nPrefer: wait=60\r\n"
        writer.write(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
        await writer.drain()
    answer = await reader.readline()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")


def report(waited: Waited) -> Iterator[str]:
    """Yield the lines of the section in bench/RESULTS.md."""
    yield f"## {TITLE}: {waited.clients:,} clients with `Prefer: wait=60` on one gateway\n"
    yield "| figure | measured |\n|---|---|"
    yield f"| answered with the result | {waited.answered:,} of {waited.clients:,} |"
    yield f"| gateway memory a waiting client, KiB | {waited.client_kib:.1f} |"
    yield f"| gateway CPU while all wait, cores | {waited.idle_cores:.2f} |"
    yield f"| from the start of a worker to the last answer, s | {waited.answered_in_s:.1f} |"
