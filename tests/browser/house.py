"""A whole service for browsers, of which a test may stop the gateway, or find no worker for files."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from bench.local.conditions import wait_until
from bench.local.programs import STARTED_WITHIN_S, free_port, responds, running, start, stop, valkey


class House:
    """Valkey, the workers for patients, the sweep and a gateway; those for files are started by who needs them."""

    def __init__(self, folder: Path, redis_url: str, **variables: str) -> None:
        self._folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.redis_url = redis_url
        self._variables = {
            "SCORELINE_REDIS_URL": redis_url,
            "SCORELINE_API_PORT": str(port),
            "SCORELINE_VAR": str(folder / "var"),
            **variables,
        }
        self._gateway: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start the gateway, and return once it answers."""
        log = self._folder / "api.log"
        self._gateway = start(sys.executable, "-m", "api", log=log, **self._variables)
        wait_until(lambda: responds(f"{self.url}/health/live"), within_s=STARTED_WITHIN_S, what="the gateway to answer")

    def shut(self) -> None:
        """Stop the gateway as an operator would."""
        if self._gateway:
            stop(self._gateway)

    def worker(self, *arguments: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Run `python -m worker` with these arguments until the block is left."""
        return running("worker", *arguments, log=self._folder / "worker.log", **self._variables)


@contextmanager
def open_house(folder: Path, **variables: str) -> Iterator[House]:
    """Run a house with these variables, and give it once it is ready."""
    with ExitStack() as stack:
        house = House(folder, stack.enter_context(valkey(folder / "valkey")), **variables)
        for room in ("run", "sweep"):
            stack.enter_context(house.worker(room))
        stack.callback(house.shut)
        house.open()
        wait_until(lambda: responds(f"{house.url}/health/ready"), within_s=STARTED_WITHIN_S, what="a ready house")
        yield house
