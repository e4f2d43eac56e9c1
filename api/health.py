"""Whether the gateway lives, and whether the whole road is open."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.gateway import Here
from api.problem import answers
from contract.errors import NotReady

routes = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """That all is well."""

    status: Literal["live", "ready"]


@routes.get("/live")
async def live() -> Health:
    """Answer as long as the gateway itself does; restart it when it does not."""
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
