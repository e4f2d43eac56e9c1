"""How long a gateway lets one client wait that asks for next to nothing: `python -m bench.load.lag URL`.

It asks for `/health/live` on a connection of its own until its input ends, and then prints what it saw as JSON. A
process of its own, so that what else the benchmark does holds up none of it.
"""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

EVERY_S = 0.002


def ask(url: str, ended: threading.Event) -> list[float]:
    """Return the seconds that each answer took, or what came instead of one, until `ended` is set; one at least."""
    connection, waits = http.client.HTTPConnection(urlsplit(url).netloc), list[float]()
    while not (ended.wait(EVERY_S) and waits):  # it asks once at least, however soon that was
        start_s = time.perf_counter()
        try:
            connection.request("GET", "/health/live")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):  # it is hung up on; the next one is opened anew
            connection.close()
        waits.append(time.perf_counter() - start_s)
    return waits


@contextmanager
def watched(url: str) -> Iterator[dict[str, float]]:
    """Watch until the block is left; then `worst_ms`, `p999_ms`, `p99_ms` and `asked` are in what it was given."""
    seen: dict[str, float] = {}
    command = [sys.executable, "-m", "bench.load.lag", url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603 - our own command
        assert process.stdout  # noqa: S101 - for mypy: it is a pipe
        process.stdout.readline()  # it has begun
        try:
            yield seen
        finally:
            seen.update(json.loads(process.communicate()[0]))


def p99_of_all(waits: Sequence[float]) -> float:
    """Return the p99 that clients see of whom one comes every `EVERY_S`, be the one before answered or not.

    A single client asks but once while it waits, so that a stop of seconds hardly shows among its answers. Source:
    HdrHistogram, recordValueWithExpectedInterval.
    """
    seen = sorted(wait - late * EVERY_S for wait in waits for late in range(1 + int(wait / EVERY_S)))
    return seen[int(len(seen) * 0.99)]


def main() -> None:
    """Ask until the input ends."""
    ended = threading.Event()

    def follow() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=follow, daemon=True).start()
    print("begun", flush=True)
    waits = sorted(ask(sys.argv[1], ended))
    at = min(len(waits) - 1, int(len(waits) * 0.999))
    figures = {"worst_ms": 1e3 * waits[-1], "p999_ms": 1e3 * waits[at], "p99_ms": 1e3 * p99_of_all(waits)}
    print(json.dumps(figures | {"asked": len(waits)}))


if __name__ == "__main__":
    main()
