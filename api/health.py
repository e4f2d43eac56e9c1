"""Health routes: live, if all vital threads and tasks of the gateway run; ready, if a job would be scored."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.gateway import CurrentGateway
from api.http.problem import describe_problems
from core.errors import NotLive, NotReady
from monitoring.vital import VitalThreads

routes = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """That all is well."""

    status: Literal["live", "ready"]


@routes.get("/live", responses=describe_problems(503))
async def live(request: Request) -> Health:
    """Answer 200 as long as the gateway serves, and 503 once a part of it has died; restart it when it does not."""
    tasks: VitalTasks = request.app.state.tasks
    if dead := tasks.dead():
        raise NotLive(
            f"A part of the gateway has died, so that it does not serve as it should ({', '.join(dead)}): restart it."
        )
    return Health(status="live")


@routes.get("/ready", responses=describe_problems(503))
def ready(gateway: CurrentGateway) -> Health:
    """Answer 200 while the ledger can be written and workers really score, and 503 while not.

    A canary job travels the whole road every few seconds, so that a worker that is alive but consumes nothing is
    seen.
    """
    if not gateway.ledger.consumed_lately():
        raise NotReady(retry_after_s=1)
    return Health(status="ready")


class VitalTasks:
    """Starts vital tasks in the event loop, and vital threads by `threads`.

    A task that ends without being canceled has died.
    """

    def __init__(self) -> None:
        self.threads = VitalThreads()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task with this name, and return it."""
        task = asyncio.create_task(run, name=name)
        self._tasks.append(task)
        return task

    def dead(self) -> list[str]:
        """Return the names of the threads and tasks that have died."""
        ended = (task for task in self._tasks if task.done() and not task.cancelled())
        return [*self.threads.dead(), *(task.get_name() for task in ended)]
