"""The ledgers under test, and a gateway whose workers are started by the tests."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

from bench.local.programs import LoneGateway, free_port, gateway, running, service, valkey
from core.ledger.protocol import Ledger
from core.ledger.redis.keys import CHECKPOINT
from core.settings import Settings
from tests.ledgers import Clock, Make, make_ledger


@pytest.fixture(scope="session")
def lasting_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneGateway]:
    """A gateway for all tests."""
    folder, port = tmp_path_factory.mktemp("gateway"), str(free_port())
    with (
        valkey(folder / "valkey") as redis_url,
        gateway(folder, SCORELINE_REDIS_URL=redis_url, SCORELINE_API_METRICS_PORT=port) as url,
    ):
        yield LoneGateway(folder, redis_url, url, f"http://127.0.0.1:{port}/metrics")


@pytest.fixture
def lone_gateway(lasting_gateway: LoneGateway) -> LoneGateway:
    """A gateway whose Valkey knows no job, and beside which no worker and no sweep runs."""
    with Redis.from_url(lasting_gateway.redis_url) as redis:
        # What kombu wrote when the gateway first rang stays: it is written once for each connection. So does what
        # says which ledger it is, or the gateway would see that it was emptied.
        ours = [key for key in redis.scan_iter() if not key.startswith(b"_kombu.") and key != CHECKPOINT.encode()]
        if ours:
            redis.delete(*ours)
    return lasting_gateway


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URLs of a whole real service that takes files too, and of its Valkey."""
    folder = tmp_path_factory.mktemp("whole")
    one = {"SCORELINE_BULK_PROCESSES": "1", "SCORELINE_WORKER_PROCESSES": "1"}
    with ExitStack() as stack:
        redis_url = stack.enter_context(valkey(folder / "valkey"))
        variables = one | {"SCORELINE_STORE": f"file://{folder}/store", "SCORELINE_REDIS_URL": redis_url}
        bulk = ("run", "--queue", "bulk")
        stack.enter_context(running("worker", *bulk, log=folder / "bulk.log", **variables))
        yield stack.enter_context(service(folder, **variables)), redis_url


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


@pytest.fixture(params=["redis", "memory"])
def make(request: pytest.FixtureRequest, redis: Redis, clock: Clock) -> Make:
    """Make a ledger of each kind with given settings."""
    return lambda settings: make_ledger(request.param, redis, settings, clock)


@pytest.fixture
def ledger(make: Make, settings: Settings) -> Ledger:
    """A ledger of each kind, empty."""
    return make(settings)
