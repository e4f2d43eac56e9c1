"""Which methods an address takes."""

from fastapi import Request
from starlette.routing import Match

METHODS = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]


def methods_at(request: Request) -> list[str]:
    """Return the methods that the request's address takes, of whichever routes."""
    return [method for method in METHODS if _takes(request, method)]


def _takes(request: Request, method: str) -> bool:
    asked = {**request.scope, "method": method}
    return any(route.matches(dict(asked))[0] is Match.FULL for route in request.app.routes)
