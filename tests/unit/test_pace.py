"""The pace: an owner has one piece made at a time, and rests where others ask too."""

import asyncio
from collections.abc import Iterator

from api.pace import RECENT_S, Pace

PIECE_S = 0.004


class Watch:
    """A clock that stands still but for what is made."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def pieces(count: int, made: list[int] | None = None, watch: Watch | None = None) -> Iterator[int]:
    """Yield numbers; note what is made, and move the clock by the time that each takes."""
    for number in range(count):
        if watch:
            watch.now_s += PIECE_S
        if made is not None:
            made.append(number)
        yield number


async def take(pace: Pace, owner: str, made: Iterator[int]) -> list[int]:
    """Return all pieces, as they come."""
    return [piece async for piece in pace.run_paced(owner, made)]


def test_an_owner_alone_does_not_rest_and_one_among_others_does_for_as_long_as_a_piece_took() -> None:
    watch = Watch()
    pace = Pace(watch)
    pace.note_request("a")
    assert pace.rest_s("a", PIECE_S) == 0
    pace.note_request("b")
    assert pace.rest_s("a", PIECE_S) == pace.rest_s("b", PIECE_S) == PIECE_S
    pace.note_request("a")  # it goes on asking; the other did so lately
    assert pace.rest_s("a", PIECE_S) == PIECE_S
    watch.now_s += RECENT_S
    pace.note_request("a")
    assert pace.rest_s("a", PIECE_S) == 0
    assert pace.rest_s("b", PIECE_S) == PIECE_S


def test_who_has_not_asked_for_anything_yet_is_among_those_who_have() -> None:
    pace = Pace(Watch())
    assert pace.rest_s("", PIECE_S) == pace.rest_s("a", PIECE_S) == 0
    pace.note_request("b")
    assert pace.rest_s("a", PIECE_S) == PIECE_S
    assert pace.rest_s("b", PIECE_S) == 0


def test_pieces_come_in_their_order_with_a_rest_after_each() -> None:
    async def run() -> float:
        watch = Watch()
        pace = Pace(watch)
        pace.note_request("b")
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        assert await take(pace, "a", pieces(20, watch=watch)) == list(range(20))
        return loop.time() - begun_s

    assert asyncio.run(run()) >= 20 * PIECE_S  # a rest may be longer than it was meant to be, and never shorter


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
