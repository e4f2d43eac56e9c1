"""The fast path: a submit without a query goes directly to its route function, past FastAPI's routing.

For each request FastAPI runs its layers, opens exit stacks and solves dependencies, which takes longer than the route
itself. A submit without a query has no dependencies: its route reads headers and body itself.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.gateway import Gateway
from api.http.problem import problem_of
from core.errors import ScorelineError

Submit = Callable[[Request, Gateway], Awaitable[Response]]
"""The function of a POST route whose other parameters are all in the query and optional."""


class FastPath:
    """Middleware that calls the route function for a path itself, and passes all other requests on."""

    def __init__(self, app: ASGIApp, routes: Mapping[str, Submit]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        is_plain = scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]
        route = self._routes.get(scope["path"]) if is_plain else None
        if route is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await route(Request(scope, receive, send), scope["app"].state.gateway)
            await answer(scope, receive, send)
        except ScorelineError as error:  # responses raise it only before anything is sent
            await problem_of(error)(scope, receive, send)
