"""Group commit, over a ledger that answers when the test lets it."""

import asyncio
from collections.abc import Sequence
from threading import Event

import pytest

from api.jobs.committer import Committer
from core.errors import LedgerUnavailable
from core.ledger.protocol import NewJob, SubmitResult, SubmitStatus
from core.transport.message import JOBS_IN_MESSAGE, RECORDS_IN_MESSAGE, SMALL_RECORDS
from tests.patients import new_job

PATIENCE_S = 10


class Gate:
    """Commits a group when it is let through; remembers the groups."""

    def __init__(self) -> None:
        self.entered, self.opened = Event(), Event()
        self.groups: list[list[str]] = []
        self.fails_on: str | None = None
        self.fails_with: Exception = LedgerUnavailable()

    def commit(self, jobs: Sequence[NewJob]) -> SubmitResult:
        """Accept all of the group, or raise if it holds the job that fails."""
        self.groups.append([job.id for job in jobs])
        self.entered.set()
        assert self.opened.wait(PATIENCE_S)
        if self.fails_on in self.groups[-1]:
            raise self.fails_with
        return accept(jobs)


def accept(jobs: Sequence[NewJob]) -> SubmitResult:
    """Accept all of a group."""
    return SubmitResult(0, 0, [(SubmitStatus.ACCEPTED, job.id) for job in jobs])


async def submit_behind(gate: Gate, jobs: Sequence[NewJob]) -> list[object]:
    """Submit the first job, and all the others while it is being committed; return what each was told."""
    committer = Committer(gate.commit)
    first = asyncio.create_task(committer.commit(jobs[0]))
    await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
    others = [asyncio.create_task(committer.commit(job)) for job in jobs[1:]]
    await asyncio.sleep(0)
    gate.opened.set()
    told = await asyncio.gather(first, *others, return_exceptions=True)
    await committer.close()
    return list(told)


def test_what_arrives_while_a_group_is_committed_goes_as_the_next_one() -> None:
    gate, jobs = Gate(), [new_job() for _ in range(5)]
    told = asyncio.run(submit_behind(gate, jobs))
    assert gate.groups == [[jobs[0].id], [job.id for job in jobs[1:]]]
    assert told == [(SubmitStatus.ACCEPTED, job.id) for job in jobs]


def test_a_group_is_bounded_in_jobs() -> None:
    gate, jobs = Gate(), [new_job() for _ in range(JOBS_IN_MESSAGE + 2)]
    asyncio.run(submit_behind(gate, jobs))
    assert [len(group) for group in gate.groups] == [1, JOBS_IN_MESSAGE, 1]


def test_a_group_is_bounded_in_patients() -> None:
    gate, half = Gate(), RECORDS_IN_MESSAGE // 2
    asyncio.run(submit_behind(gate, [new_job(half), new_job(half), new_job(half), new_job(half)]))
    assert [len(group) for group in gate.groups] == [1, 2, 1]


def test_a_small_job_does_not_wait_for_a_large_one_to_be_written_down() -> None:
    async def beside() -> None:
        gate, large, small = Gate(), new_job(SMALL_RECORDS + 1), new_job(SMALL_RECORDS)
        committer = Committer(lambda jobs: gate.commit(jobs) if jobs[0] is large else accept(jobs))
        waiting = asyncio.create_task(committer.commit(large))
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        assert await asyncio.wait_for(committer.commit(small), PATIENCE_S) == (SubmitStatus.ACCEPTED, small.id)
        assert not waiting.done()
        gate.opened.set()
        assert await waiting == (SubmitStatus.ACCEPTED, large.id)
        await committer.close()

    asyncio.run(beside())


def test_a_failing_group_is_told_and_the_next_one_is_not_harmed() -> None:
    gate, jobs = Gate(), [new_job() for _ in range(3)]
    gate.fails_on, gate.fails_with = jobs[0].id, RuntimeError("no one foresaw it")
    told = asyncio.run(submit_behind(gate, jobs))
    assert isinstance(told[0], RuntimeError)
    assert told[1:] == [(SubmitStatus.ACCEPTED, job.id) for job in jobs[1:]]


def test_what_gathered_while_the_ledger_did_not_answer_is_told_at_once() -> None:
    gate, jobs = Gate(), [new_job() for _ in range(3)]
    gate.fails_on = jobs[0].id
    told = asyncio.run(submit_behind(gate, jobs))
    assert [type(one) for one in told] == [LedgerUnavailable] * 3
    assert gate.groups == [[jobs[0].id]]


def test_a_caller_that_leaves_harms_no_other_of_its_group() -> None:
    async def leave() -> None:
        gate, jobs = Gate(), [new_job() for _ in range(3)]
        committer = Committer(gate.commit)
        tasks = [asyncio.create_task(committer.commit(job)) for job in jobs]
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        tasks[1].cancel()
        gate.opened.set()
        told = await asyncio.gather(*tasks, return_exceptions=True)
        await committer.close()
        assert isinstance(told[1], asyncio.CancelledError)
        assert (told[0], told[2]) == ((SubmitStatus.ACCEPTED, jobs[0].id), (SubmitStatus.ACCEPTED, jobs[2].id))

    asyncio.run(leave())


def test_closing_waits_for_what_was_submitted() -> None:
    async def close() -> tuple[SubmitStatus, str]:
        gate, job = Gate(), new_job()
        committer = Committer(gate.commit)
        task = asyncio.create_task(committer.commit(job))
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        gate.opened.set()
        await committer.close()
        assert task.done()
        return await task

    assert asyncio.run(close())[0] is SubmitStatus.ACCEPTED


@pytest.mark.parametrize("rounds", [50])
def test_alone_a_job_leaves_at_once(rounds: int) -> None:
    async def alone() -> list[list[str]]:
        gate = Gate()
        gate.opened.set()
        committer = Committer(gate.commit)
        for _ in range(rounds):
            await committer.commit(new_job())
        await committer.close()
        return gate.groups

    assert [len(group) for group in asyncio.run(alone())] == [1] * rounds


def test_a_ledger_that_decides_on_too_few_leaves_no_caller_waiting() -> None:
    class Forgetful(Gate):
        """Commits a group, and forgets what became of its last job."""

        def commit(self, jobs: Sequence[NewJob]) -> SubmitResult:
            result = super().commit(jobs)
            return SubmitResult(0, 0, result.statuses[:-1])

    told = asyncio.run(submit_behind(Forgetful(), [new_job() for _ in range(3)]))
    assert [type(one) for one in told] == [ValueError] * 3
