"""Answers unexpected errors, and logs only their type: their text could contain a patient's values."""

import logging
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.metrics import method_of, template_of
from api.http.problem import RenderProblem, internal_error

log = logging.getLogger(__name__)


class UnexpectedErrors:
    """Middleware that answers any error of the app with a problem; the server would log the error with its text.

    `fast_paths` are the paths that `FastPath` serves.
    """

    def __init__(self, app: ASGIApp, render: RenderProblem, fast_paths: Collection[str]) -> None:
        self._app = app
        self._render = render
        self._fast_paths = fast_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        has_started = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            if scope["type"] != "http":
                raise
            # Log the route's template, since a path may contain a value that was meant for the body.
            log.error("%s %s failed: %s", method_of(scope), template_of(scope, self._fast_paths), type(error).__name__)
            if not has_started:
                await self._render(scope, internal_error())(scope, receive, send)
