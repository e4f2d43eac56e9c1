"""Room is never given twice, no owner has more than a share, and who waits is let in, an owner after the other."""

import asyncio
from collections.abc import Coroutine

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.auth.shares import Capacity
from core.errors import Crowded, QuotaExceeded

SOON_S, NEVER_S = 30, 0.01


def run(steps: Coroutine[None, None, None]) -> None:
    """Run the steps of a test in an event loop."""
    asyncio.run(steps)


def test_an_owner_has_a_share_and_others_the_rest() -> None:
    room = Capacity("answers", 10, 0.5)
    room.reserve_now("a", 5)
    with pytest.raises(QuotaExceeded, match="This key holds as many answers as one key may"):
        room.reserve_now("a")
    room.reserve_now("b", 5)
    with pytest.raises(Crowded, match="This gateway process holds as many answers as it may, of all callers"):
        room.reserve_now("c")
    room.release("a", 5)
    room.reserve_now("c")


def test_who_has_no_name_has_all_of_it() -> None:
    room = Capacity("answers", 10, 0.5)
    room.reserve_now("", 10)
    with pytest.raises(Crowded):
        room.reserve_now("")


def test_who_asks_for_more_than_there_is_gets_all_once_nobody_else_has_any() -> None:
    async def steps() -> None:
        room = Capacity("answers", 10, 0.5)
        async with room.reserved("", 1_000, SOON_S):
            with pytest.raises(Crowded):
                room.reserve_now("a")
        async with room.reserved("a", 1_000, SOON_S):
            with pytest.raises(QuotaExceeded):
                room.reserve_now("a")
            room.reserve_now("b", 5)

    run(steps())


def test_who_waits_in_vain_is_told_whose_limit_it_was_and_leaves_no_trace() -> None:
    async def steps() -> None:
        room = Capacity("answers", 10, 0.5)
        room.reserve_now("a", 5)
        with pytest.raises(QuotaExceeded):
            await room.reserve("a", 1, NEVER_S)
        room.reserve_now("b", 5)
        with pytest.raises(Crowded):
            await room.reserve("c", 1, NEVER_S)
        room.release("b", 5)
        await room.reserve("c", 5, SOON_S)

    run(steps())


def test_who_waits_is_let_in_an_owner_after_the_other() -> None:
    async def steps() -> None:
        room, order = Capacity("answers", 1, 1), list[str]()

        async def hold(owner: str) -> None:
            async with room.reserved(owner, 1, SOON_S):
                order.append(owner)

        room.reserve_now("x")
        waiting = [asyncio.create_task(hold(owner)) for owner in "aaabbc"]
        await asyncio.sleep(0)
        room.release("x")
        await asyncio.gather(*waiting)
        assert "".join(order) == "abcaba"

    run(steps())


def test_who_needs_much_is_not_passed_for_ever_by_those_who_need_little() -> None:
    async def steps() -> None:
        room, order = Capacity("answers", 10, 1), list[str]()

        async def hold(owner: str, amount: int) -> None:
            async with room.reserved(owner, amount, SOON_S):
                order.append(owner)
                await asyncio.sleep(0)

        room.reserve_now("x", 5)
        waiting = [asyncio.create_task(hold("a", 8)), *(asyncio.create_task(hold("b", 1)) for _ in range(3))]
        await asyncio.sleep(0)
        assert order == []
        room.release("x", 5)
        await asyncio.gather(*waiting)
        assert order[0] == "a"

    run(steps())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12), st.booleans()), max_size=30))
def test_whatever_is_asked_for_and_given_up_there_is_never_too_little_and_nobody_waits_in_vain(
    asked: list[tuple[str, int, bool]],
) -> None:
    async def steps() -> None:
        room, total, most = Capacity("answers", 10, 0.5), 0, 0

        async def hold(owner: str, amount: int) -> None:
            nonlocal total, most
            async with room.reserved(owner, amount, SOON_S):
                total += min(amount, 5)
                most = max(most, total)
                try:
                    await asyncio.sleep(0)
                finally:
                    total -= min(amount, 5)

        tasks = [asyncio.create_task(hold(owner, amount)) for owner, amount, _ in asked]
        await asyncio.sleep(0)
        for task, (_, _, leaves) in zip(tasks, asked, strict=True):
            if leaves:
                task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [one for one in found if one is not None and not isinstance(one, asyncio.CancelledError)] == []
        assert most <= 10
        room.reserve_now("a", 5)
        room.reserve_now("b", 5)

    run(steps())
