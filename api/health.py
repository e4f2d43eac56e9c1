"""Whether the gateway lives, and whether the whole road is open."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.gateway import Here
from api.problem import answers
from api.vitals import Vitals
from contract.errors import NotLive, NotReady

routes = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """That all is well."""

    status: Literal["live", "ready"]


@routes.get("/live", responses=answers(503))
async def live(request: Request) -> Health:
    """Answer 200 as long as the gateway serves, and 503 once a part of it has died; restart it when it does not."""
    vitals: Vitals = request.app.state.vitals
    if dead := vitals.dead():
        raise NotLive(
            f"A part of the gateway has died, so that it does not serve as it should ({', '.join(dead)}): restart it."
        )
    return Health(status="live")


@routes.get("/ready", responses=answers(503))
def ready(here: Here) -> Health:
    """Answer 200 while the ledger can be written and workers really score, and 503 while not.

    A canary job travels the whole road every few seconds, so that a worker that is alive but consumes nothing is
    seen.
    """
    if not here.ledger.consumed_lately():
        raise NotReady(retry_after_s=1)
    return Health(status="ready")
