"""A gateway says that it lives as long as all that it needs to serve does, and what of it has died."""

import asyncio

import httpx2
from prometheus_client import CollectorRegistry

from api.health import VitalTasks
from api.http.connection_limits import ConnectionLimits
from core.ledger.memory.ledger import MemoryLedger
from core.settings import Settings
from monitoring.instrument import GatewayMetrics
from tests.ledgers import Clock
from tests.listening import gateway_over


def fail() -> None:
    """Die of a record."""
    raise TypeError("age=63")


class Connection:
    """A connection that fails at each look, or at none."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.looked_at_often = asyncio.Event()
        self._looks_s: list[float] = []

    def check_progress(self, now_s: float) -> None:
        """Note when it was looked at. Raises TypeError if it fails."""
        self._looks_s.append(now_s)
        if len(self._looks_s) == 3:
            self.looked_at_often.set()
        if self.fails:
            raise TypeError("age=63")

    def assign_owner(self, owner: str) -> None:
        """Belong to nobody: no key is asked for."""


def test_a_gateway_lives_until_one_of_its_threads_has_died_and_says_which() -> None:
    with gateway_over(MemoryLedger(Settings(), Clock())) as (url, app):
        vitals: VitalTasks = app.state.tasks
        assert httpx2.get(f"{url}/health/live").status_code == 200
        ended = vitals.threads.start("counting", lambda: None)
        ended.join()
        assert httpx2.get(f"{url}/health/live").status_code == 200
        vitals.threads.start("notices", fail).join()
        answer = httpx2.get(f"{url}/health/live")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:scoreline:problem:not-live")
        assert "(notices): restart it" in answer.json()["detail"]
        assert "63" not in answer.json()["detail"]


def test_a_task_that_ends_unasked_has_died_and_one_that_is_canceled_has_not() -> None:
    async def run() -> tuple[list[str], list[str]]:
        vitals, forever = VitalTasks(), asyncio.Event()

        async def raise_error() -> None:
            fail()

        async def wait() -> None:
            await forever.wait()

        tasks = [vitals.start("watch", raise_error()), vitals.start("other", wait())]
        await asyncio.wait(tasks[:1])
        before = vitals.dead()
        tasks[1].cancel()
        await asyncio.wait(tasks)
        return before, vitals.dead()

    assert asyncio.run(run()) == (["watch"], ["watch"])


def test_a_connection_that_cannot_be_looked_at_hides_no_other() -> None:
    async def run() -> None:
        watch = ConnectionLimits(Settings(head_timeout_s=0.02), GatewayMetrics(CollectorRegistry()))
        connections = [Connection(fails=True), Connection(fails=False), Connection(fails=True)]
        watch.connections.update(connections)
        keeping = asyncio.create_task(watch.check_forever())
        async with asyncio.timeout(10):
            await asyncio.gather(*(connection.looked_at_often.wait() for connection in connections))
        assert not keeping.done()
        keeping.cancel()

    asyncio.run(run())
