"""A whole Scoreline that takes files: its workers are those of the bulk queue, and its store can be taken away."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
from redis import Redis
from typing_extensions import override

from api.batches.upload import CLAIM_SPARE_S
from core.ledger.batch import BATCHES_FOLDER
from core.ledger.redis.batches import Batches
from tests.faults.gated import Gate
from tests.faults.house import PRODUCT, House
from tests.faults.relay import Relay
from tests.faults.supervisor import Launch
from tests.stores import bucket

TIMES = {"SCORELINE_UPLOAD_IDLE_S": 60, "SCORELINE_STORE_TIMEOUT_S": 10}
"""The settings that say how long an upload is held, and what they are by default."""


class FileHouse(House):
    """Two workers of files and the rest; `bucket` is the URL of the store if that is no folder of the house's.

    `claim_lasts_s` is for how long at most the store keeps what broke off.
    """

    READY = "/health/live"  # no worker of this house scores the canary

    def __init__(self, folder: Path, settings: Mapping[str, str], bucket: str = "", relay: Relay | None = None) -> None:
        super().__init__(folder, settings)
        self.gate = Gate(folder / "gate")
        self.relay = relay
        self.claim_lasts_s = sum(float(settings.get(name, default)) for name, default in TIMES.items()) + CLAIM_SPARE_S
        self._bucket = bucket

    @override
    def worker_launch(self, name: str, entry: str = PRODUCT, **variables: str) -> Launch:
        """Return how to start a worker of that name."""
        return lambda: self._python("tests.faults.gated", str(self.folder / "gate"), name, **variables)

    def stored(self) -> set[str]:
        """Return the ids of all batches of which the store holds something."""
        if not self._bucket:
            folder = self.folder / "store" / BATCHES_FOLDER
            # Unlike a glob, a walk passes over what is deleted meanwhile.
            return {Path(place).parent.name for place, _, files in os.walk(folder) if files}
        listed = httpx2.get(self._bucket, params={"list-type": "2", "prefix": f"files/{BATCHES_FOLDER}/"})
        return set(re.findall(rf"<Key>files/{BATCHES_FOLDER}/([^/<]+)/", listed.text))

    @contextmanager
    def ledger(self) -> Iterator[tuple[Redis, Batches]]:
        """Give a client of the broker, and the ledger of batches in it."""
        with self.redis() as redis:
            yield redis, Batches(redis, self.settings)


@contextmanager
def house_with_bucket(folder: Path, settings: Mapping[str, str]) -> Iterator[FileHouse]:
    """Run a house whose store is a bucket behind a relay."""
    with ExitStack() as stack:
        store = stack.enter_context(bucket(folder))
        url = store["AWS_ENDPOINT_URL"]
        relay = stack.enter_context(Relay(int(url.rpartition(":")[2])))
        store["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{relay.port}"
        name = store["SCORELINE_STORE"].removeprefix("s3://").partition("/")[0]
        yield stack.enter_context(FileHouse(folder, {**settings, **store}, f"{url}/{name}", relay))
