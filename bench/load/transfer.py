"""A file's way through the service, as one client sees it: sent, scored, fetched."""

import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.load.wrk import Overwhelmed

BLOCK_BYTES = 1_000_000
LOOK_EVERY_S = 0.02
ANSWER_WITHIN_S = 600


@dataclass(frozen=True, slots=True)
class Transfer:
    """Seconds until the file was accepted, until it was scored, and until the last byte of its results was there."""

    upload_s: float
    scoring_s: float
    download_s: float

    @property
    def all_s(self) -> float:
        """From the first byte sent to the last one received."""
        return self.upload_s + self.scoring_s + self.download_s


def transfer(url: str, source: Path, target: Path) -> Transfer:
    """Send a CSV, wait until it is scored, and write the results to `target`. Raises Overwhelmed."""
    start_s = time.perf_counter()
    batch = upload(url, source)
    accepted_s = time.perf_counter()
    wait(url, batch)
    scored_s = time.perf_counter()
    download(url, batch, target)
    return Transfer(accepted_s - start_s, scored_s - accepted_s, time.perf_counter() - scored_s)


def connect(url: str) -> http.client.HTTPConnection:
    """Return a connection to the service, which costs the client least of all."""
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_WITHIN_S, blocksize=BLOCK_BYTES)


def upload(url: str, source: Path) -> str:
    """Return the id of the batch that the file became. Raises Overwhelmed."""
    connection = connect(url)
    with source.open("rb") as file:
        headers = {"Content-Type": "text/csv", "Content-Length": str(source.stat().st_size)}
        connection.request("POST", "/v1/batches", file, headers)
    return str(read(connection, 202)["id"])


def wait(url: str, batch: str, every_s: float = LOOK_EVERY_S) -> dict[str, Any]:
    """Return the batch once it has succeeded, looking every so often. Raises Overwhelmed if it does not."""
    connection = connect(url)
    while True:
        connection.request("GET", f"/v1/batches/{batch}")
        seen = read(connection, 200)
        if seen["state"] not in ("queued", "running"):
            break
        time.sleep(every_s)
    if seen["state"] != "succeeded" or seen["counts"]["rejected"]:
        raise Overwhelmed(f"a batch ended as {seen['state']}, with {seen['counts']['rejected']} rows rejected")
    return seen


def download(url: str, batch: str, target: Path) -> None:
    """Write the results to a file. Raises Overwhelmed."""
    connection, buffer = connect(url), bytearray(BLOCK_BYTES)
    connection.request("GET", f"/v1/batches/{batch}/results")
    answer = connection.getresponse()
    if answer.status != 200:
        raise Overwhelmed(f"results are answered {answer.status}")
    with target.open("wb") as out, memoryview(buffer) as view:
        while size := answer.readinto(buffer):
            out.write(view[:size])


def read(connection: http.client.HTTPConnection, status: int) -> dict[str, Any]:
    """Return the JSON that is answered. Raises Overwhelmed for another status."""
    answer = connection.getresponse()
    body: dict[str, Any] = json.loads(answer.read())
    if answer.status != status:
        raise Overwhelmed(f"a request of a batch was answered {answer.status}: {body.get('title')}")
    return body
