"""Ids are UUIDv7 that ascend, in however many threads, and do not tell of each other."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import RFC_4122, UUID

from core.ids import Ids, is_probe_job, ms_of_id, new_id, probe_job_id, time_of_id

MANY = 20_000


def test_an_id_is_a_uuid_of_version_7_and_of_now() -> None:
    before_ms = time.time_ns() // 1_000_000
    id = UUID(new_id())
    assert (id.version, id.variant) == (7, RFC_4122)
    assert before_ms <= ms_of_id(str(id)) <= time.time_ns() // 1_000_000 + 1
    assert round(1000 * time_of_id(id).timestamp()) == ms_of_id(str(id))


def test_ids_ascend_within_a_millisecond_too_and_by_steps_that_nobody_guesses() -> None:
    ids = Ids()
    made = [ids.make() for _ in range(MANY)]
    assert made == sorted(set(made))
    assert len({ms_of_id(id) for id in made}) < MANY / 2
    steps = sorted(after.int - before.int for before, after in pairwise(map(UUID, made)))
    assert steps[MANY // 100] > 2**50  # of a step of 64 random bits, one in 16,384 is less
    assert len(set(steps)) == len(steps)


def test_the_low_8_bits_are_left_for_the_number_of_a_cell() -> None:
    assert {UUID(make()).int & 0xFF for make in (new_id, probe_job_id) for _ in range(100)} == {0}


def test_threads_share_ids() -> None:
    ids = Ids()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ids.make(), range(MANY)))
    assert len(set(made)) == MANY


def test_a_canarys_id_sorts_before_every_other() -> None:
    assert is_probe_job(probe_job_id())
    assert not is_probe_job(new_id())
    assert probe_job_id() < new_id()
    assert UUID(probe_job_id()).version == 7
