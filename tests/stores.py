"""Object stores for tests: a bucket of a real S3-compatible server, which a test may take away."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from bench.local.conditions import wait_until
from bench.local.programs import STARTED_WITHIN_S, free_port, responds, start_python, stop

BUCKET = "scoreline"


@contextmanager
def bucket(folder: Path) -> Iterator[dict[str, str]]:
    """Run an S3-compatible server with a bucket in it; give the variables that name it."""
    port = free_port()
    process = start_python("moto.server", "-H", "127.0.0.1", "-p", str(port), log=folder / "moto.log")
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: responds(url), within_s=STARTED_WITHIN_S, what="the object store to answer")
        httpx2.put(f"{url}/{BUCKET}").raise_for_status()
        yield {
            "SCORELINE_STORE": f"s3://{BUCKET}/files",
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
    finally:
        stop(process)
