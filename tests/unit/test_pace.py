"""The pace: an owner has one piece made at a time, and rests where others ask too."""

import asyncio
import time
from collections.abc import Iterator

from api.pace import Pace

PIECE_S = 0.005


def pieces(count: int, making: list[int] | None = None) -> Iterator[int]:
    """Yield numbers, each of which takes some milliseconds to make; note what is made."""
    for number in range(count):
        end_s = time.perf_counter() + PIECE_S
        while time.perf_counter() < end_s:
            pass
        if making is not None:
            making.append(number)
        yield number


async def take(pace: Pace, owner: str, made: Iterator[int]) -> list[int]:
    """Return all pieces, as they come."""
    return [piece async for piece in pace.made(owner, made)]


def timed(pace: Pace, owner: str, count: int) -> float:
    """Return the seconds that pieces take at an owner's pace, in times of what making them takes."""
    begun_s = time.perf_counter()
    assert asyncio.run(take(pace, owner, pieces(count))) == list(range(count))
    return (time.perf_counter() - begun_s) / (count * PIECE_S)


def test_an_owner_alone_does_not_rest_and_one_among_others_does() -> None:
    pace = Pace()
    pace.note("a")
    assert not pace.is_shared("a")
    alone = timed(pace, "a", 20)
    pace.note("b")
    assert pace.is_shared("a")
    assert pace.is_shared("b")
    assert timed(pace, "a", 20) >= 2 > alone
    pace.note("a")  # it goes on asking; the other did so lately
    assert pace.is_shared("a")


def test_who_has_not_asked_for_anything_yet_is_among_those_who_have() -> None:
    pace = Pace()
    assert not pace.is_shared("a")
    pace.note("b")
    assert pace.is_shared("a")
    assert not pace.is_shared("b")


def test_one_owners_pieces_are_made_one_at_a_time_and_those_of_two_go_side_by_side() -> None:
    async def run(*owners: str) -> list[int]:
        pace, made = Pace(), list[int]()
        await asyncio.gather(*(take(pace, owner, pieces(4, made)) for owner in owners))
        return made

    assert asyncio.run(run("a", "a")) == asyncio.run(run("a", "b")) == [0, 0, 1, 1, 2, 2, 3, 3]

    async def between() -> int:
        """Return how often the loop goes round while three answers of one owner are made, of four pieces each."""
        pace, rounds = Pace(), 0
        taking = asyncio.gather(*(take(pace, "a", pieces(4)) for _ in range(3)))
        while not taking.done():
            await asyncio.sleep(0)
            rounds += 1
        return rounds

    assert asyncio.run(between()) >= 3 * 4


def test_what_goes_wrong_in_a_piece_is_raised_and_holds_nobody_up() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    async def run() -> list[object]:
        pace = Pace()
        told = await asyncio.gather(take(pace, "a", broken()), take(pace, "a", pieces(2)), return_exceptions=True)
        return list(told)

    failed, whole = asyncio.run(run())
    assert isinstance(failed, ValueError)
    assert whole == [0, 1]
