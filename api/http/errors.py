"""Answers an error that no one foresaw, and keeps it out of the log: its text could hold a patient's values."""

import logging
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.metrics import method_of, template_of
from api.http.problem import RenderProblem, internal_error

log = logging.getLogger(__name__)


class UnexpectedErrors:
    """Middleware that answers a problem for whatever error comes out of the app; the server would log it whole.

    `short` are the paths of the short way.
    """

    def __init__(self, app: ASGIApp, show: RenderProblem, short: Collection[str]) -> None:
        self._app = app
        self._show = show
        self._short = short

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        begun = False

        async def begin(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, begin)
        except Exception as error:  # whatever it is
            if scope["type"] != "http":
                raise
            # The route's template: a path, too, may hold what was meant for the body.
            log.error("%s %s failed: %s", method_of(scope), template_of(scope, self._short), type(error).__name__)
            if not begun:
                await self._show(scope, internal_error())(scope, receive, send)
