"""Gzip as it arrives: any members in any chunks, and no bomb."""

import gzip
import random
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.inflate import ANY_RATIO_BYTES, MEMBERS, PIECE_BYTES, Inflater
from core.errors import BodyTooLarge, InvalidFile


def inflate(chunks: list[bytes], ratio_limit: float = 100) -> bytes:
    inflater = Inflater(ratio_limit)
    whole = b"".join(piece for chunk in chunks for piece in inflater.feed(chunk))
    inflater.finish()
    return whole


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.integers(1, 40), st.integers(0, 3))
def test_members_in_chunks_of_any_size_give_the_file(members: list[bytes], size: int, padding: int) -> None:
    packed = b"".join(gzip.compress(member) for member in members) + b"\0" * padding
    chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert inflate(chunks) == b"".join(members)


def test_no_piece_is_larger_than_promised() -> None:
    packed = gzip.compress(b"x" * ANY_RATIO_BYTES)
    assert max(len(piece) for piece in Inflater(1).feed(packed)) <= PIECE_BYTES


def test_a_bomb_is_refused_as_soon_as_it_shows() -> None:
    bomb = gzip.compress(b"\0" * (2 * ANY_RATIO_BYTES))
    sizes: list[int] = []
    with pytest.raises(BodyTooLarge, match="packed more than 100 times"):
        sizes.extend(map(len, Inflater(100).feed(bomb)))
    assert ANY_RATIO_BYTES - PIECE_BYTES <= sum(sizes) <= ANY_RATIO_BYTES


def test_a_member_more_than_may_be_short_is_refused_and_as_many_long_ones_are_not() -> None:
    short, long = gzip.compress(b"x"), gzip.compress(random.Random(0).randbytes(1_000))  # noqa: S311 - no secret
    assert inflate([short * MEMBERS]) == b"x" * MEMBERS
    assert len(inflate([long * (10 * MEMBERS)])) == 10_000 * MEMBERS
    with pytest.raises(InvalidFile) as raised:
        inflate([short * (2 * MEMBERS)])
    assert [error.code for error in raised.value.errors] == ["too_many_members"]


def test_what_many_members_stand_for_comes_in_one_piece() -> None:
    assert [len(piece) for piece in Inflater(100).feed(gzip.compress(b"x") * MEMBERS)] == [MEMBERS]


def test_no_time_is_spent_on_what_is_left_of_a_chunk_at_the_end_of_each_member() -> None:
    members = gzip.compress(random.Random(0).randbytes(200)) * 50_000  # noqa: S311 - no secret
    begun_s = time.thread_time()
    inflate([members])  # 11 MB, which were copied 50,000 times
    assert time.thread_time() - begun_s < 5


def test_a_bomb_of_many_small_members_is_one_too() -> None:
    member = gzip.compress(b"\0" * 1_000_000)
    with pytest.raises(BodyTooLarge):
        inflate([member] * 20)


@pytest.mark.parametrize(
    "stream",
    [
        b"age,sex\n1,2\n",
        b"",
        gzip.compress(b"x" * 1000)[:-1],
        gzip.compress(b"x" * 1000)[:-8] + b"\0" * 8,
        gzip.compress(b"x") + b"more",
        gzip.compress(b"x") + gzip.compress(b"y")[:-3],
        zlib.compress(b"x"),
    ],
    ids=["plain", "empty", "cut", "wrong-checksum", "more-behind", "second-cut", "zlib"],
)
def test_a_stream_that_is_not_whole_gzip_is_refused(stream: bytes) -> None:
    with pytest.raises(InvalidFile) as raised:
        inflate([stream])
    assert [error.code for error in raised.value.errors] == ["not_gzip"]
