"""Holds the trials that the collected tests ask for by name, all of them from the start."""

from collections.abc import Iterator

import pytest

from tests.faults.short import TRIALS
from tests.faults.street import Street


@pytest.fixture(scope="package")
def street(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Where the trials are held; its houses are gone before the next package's tests."""
    names = {
        item.callspec.params["trial"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "street" in item.fixturenames
    }
    wanted = [(name, trial) for name, trial in TRIALS.items() if name in names]
    with Street(tmp_path_factory.mktemp("street"), wanted) as street:
        yield street
