"""The effort of reading an upload: what takes far longer than its size allows is refused, and nothing else."""

import time
from collections.abc import Iterator

import pytest

from api.batches.incoming import FREE_S, SLOWEST_BYTES_PER_S, TimeBudget
from core.errors import InvalidFile


def work(seconds: float, steps: int) -> Iterator[int]:
    """Keep a processor busy for so long, in steps."""
    for step in range(steps):
        until_s = time.thread_time() + seconds / steps
        while time.thread_time() < until_s:
            pass
        yield step


def test_what_takes_longer_than_its_size_allows_is_refused_while_it_is_read() -> None:
    given: list[int] = []
    with pytest.raises(InvalidFile) as raised:
        given.extend(TimeBudget(lambda: 0).run_steps(work(2 * FREE_S, 20)))
    assert [error.code for error in raised.value.errors] == ["too_costly"]
    assert len(given) < 20


def test_the_same_of_a_larger_file_is_read() -> None:
    size = int(2 * FREE_S * SLOWEST_BYTES_PER_S)
    assert list(TimeBudget(lambda: size).run_steps(work(2 * FREE_S, 20))) == list(range(20))


def test_what_was_spent_on_one_piece_counts_for_the_next() -> None:
    budget = TimeBudget(lambda: 0)
    assert len(list(budget.run_steps(work(0.6 * FREE_S, 2)))) == 2
    with pytest.raises(InvalidFile):
        list(budget.run_steps(work(0.6 * FREE_S, 2)))
