"""What many tests stand on: a Valkey for each session, emptied for each test."""

import os
import signal
from collections.abc import Iterator

import httpx2
import hypothesis
import pytest
from redis import Redis

from bench.local.keyed import Keyed
from bench.local.programs import free_port, running, service, valkey
from core.connect import open_redis
from core.settings import Settings

# Every run tries the same examples, and none fails because the machine is busy.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
# And a long one now and then, of other examples each time: HYPOTHESIS_PROFILE=long.
hypothesis.settings.register_profile("long", max_examples=3_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# A shell that runs the tests in the background has them ignore Ctrl-C, and with them every program that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Valkey, set up as `make up` does."""
    with valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """Settings that name this session's Valkey."""
    return Settings(redis_url=redis_url)


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """A client of this session's Valkey, which is empty."""
    with open_redis(settings) as client:
        client.flushdb()
        yield client


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URLs of a whole real service and of its Valkey; gateway, worker and sweep have a process each."""
    folder = tmp_path_factory.mktemp("service")
    with valkey(folder / "valkey") as redis_url, service(folder, SCORELINE_REDIS_URL=redis_url) as url:
        yield url, redis_url


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """A whole real service whose gateway asks for API keys."""
    folder = tmp_path_factory.mktemp("keyed")
    with valkey(folder / "valkey") as redis_url:
        port = free_port()
        variables = {
            "SCORELINE_REDIS_URL": redis_url,
            "SCORELINE_API_KEYS": "required",
            "SCORELINE_API_METRICS_PORT": str(port),
            "SCORELINE_STORE": f"file://{folder}/store",
        }
        bulk = running("worker", "run", "--queue", "bulk", log=folder / "bulk.log", **variables)
        with service(folder, **variables) as url, bulk:
            yield Keyed(url, redis_url, folder, f"http://127.0.0.1:{port}/metrics")


@pytest.fixture(scope="session")
def client(served: tuple[str, str]) -> Iterator[httpx2.Client]:
    """A client of the whole real service."""
    with httpx2.Client(base_url=served[0], timeout=30) as client:
        yield client
