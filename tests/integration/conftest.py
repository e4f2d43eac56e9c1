"""The ledgers under test."""

import pytest
from redis import Redis

from contract.ledger.protocol import Ledger
from contract.settings import Settings
from tests.ledgers import Clock, Make, make_ledger


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
