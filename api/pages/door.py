"""The door: where a visitor shows an API key, which the browser then keeps to itself until they leave."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.body import read_limited
from api.gate import COOKIE, Keepers, check_origin
from api.pages.visit import Come
from contract.errors import MissingKey

LIMIT_BYTES = 1_000

routes = APIRouter(include_in_schema=False)


@routes.get("/enter")
async def show(visit: Come) -> Response:
    """Show the form for the key."""
    return visit.page("enter.html", problem=None)


@routes.post("/enter")
async def enter(visit: Come) -> Response:
    """Have the browser show the key that was entered from now on. Raises MissingKey, and what `Doorkeeper.find` does."""
    check_origin(visit.request.scope)
    entered = parse_qs((await read_limited(visit.request, LIMIT_BYTES)).decode("latin-1"))
    shown = entered.get("key", [""])[0].strip()
    if not shown:
        raise MissingKey
    keepers: Keepers = visit.request.app.state.keepers
    await keepers.doorkeeper.find(shown.encode())
    answer = RedirectResponse("/", 303)
    secure = visit.request.url.scheme == "https"
    answer.set_cookie(COOKIE, shown, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


@routes.post("/leave")
async def leave(request: Request) -> Response:
    """Have the browser forget the key."""
    check_origin(request.scope)
    answer = RedirectResponse("/enter", 303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer
