"""The short way: a submit that says nothing in its query goes straight to its route, which FastAPI serves otherwise.

For each request FastAPI goes through its layers, opens exit stacks and solves dependencies, which takes longer than the
route itself. A submit without a query has nothing to solve: its route reads headers and body by itself.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.gateway import Gateway
from api.http.problem import problem_of
from core.errors import ScorelineError

Submit = Callable[[Request, Gateway], Awaitable[Response]]
"""A route that takes a POST, all of whose other parameters stand in the query and may be left out."""


class FastPath:
    """Middleware that calls the route registered for a path itself, and hands all other requests on."""

    def __init__(self, app: ASGIApp, submits: Mapping[str, Submit]) -> None:
        self._app = app
        self._submits = submits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        plain = scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]
        submit = self._submits.get(scope["path"]) if plain else None
        if submit is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await submit(Request(scope, receive, send), scope["app"].state.gateway)
            await answer(scope, receive, send)
        except ScorelineError as error:  # which an answer raises before anything of it is sent
            await problem_of(error)(scope, receive, send)
