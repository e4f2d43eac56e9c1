"""A little of what `python -m tests.hostile` measures: what one connection costs, and what is answered to bad input."""

from collections.abc import Callable, Iterator

import pytest

from tests.hostile.attacks import ATTACKS, Attack
from tests.hostile.bad_input import Bad, bad_bodies, bad_files
from tests.hostile.footprint import Footprint, Ground, ground, measure, measure_largest
from tests.hostile.judging import judge

BEYOND_BYTES = 5_000_000
SLOWEST_S = 5.0  # more than twice the goal, since other tests may run beside this one
SOME = ("trailers, without a key", "answers of 4.4 MB")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A service that has scored a large job and a large file."""
    with ground(tmp_path_factory.mktemp("ground")) as place:
        yield place


@pytest.fixture(scope="module")
def largest(place: Ground) -> Footprint:
    """What the largest valid submit costs."""
    return measure_largest(place)


@pytest.mark.parametrize("attack", [one for one in ATTACKS if one.name in SOME], ids=lambda attack: attack.name)
def test_one_connection_costs_hardly_more_than_the_largest_valid_submit(
    place: Ground, largest: Footprint, attack: Attack
) -> None:
    beyond = measure(place, attack.carry_out).grown_bytes - largest.grown_bytes
    assert beyond <= BEYOND_BYTES, f"{beyond / 1e6:.1f} MB"


@pytest.mark.parametrize(("path", "make", "count"), [("/v1/jobs", bad_bodies, 300), ("/v1/batches", bad_files, 35)])
def test_what_is_wrong_is_answered_so_at_once_and_never_comes_back(
    place: Ground, path: str, make: Callable[[int], Iterator[Bad]], count: int
) -> None:
    found = judge(place.own, path, make(count))
    assert found.failed == 0, found.statuses
    assert found.slowest_s <= SLOWEST_S, found.slowest
    assert not found.echoed
