"""Who asks, as the gate has found out; everyone is the same where there is none."""

from typing import Annotated

from fastapi import Depends, Request

from contract.key import ANYONE, Caller

CALLER = "scoreline.caller"
"""Under this name the gate writes the caller down in the scope of a request that it lets in."""


def caller_of(request: Request) -> Caller:
    """Return who sent the request."""
    caller: Caller = request.scope.get(CALLER, ANYONE)
    return caller


async def _caller_of(request: Request) -> Caller:
    return caller_of(request)  # a route's dependency is `async`, or each request would pass through a thread


By = Annotated[Caller, Depends(_caller_of)]
"""A route's parameter that is given who asks."""
