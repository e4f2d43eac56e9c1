"""The door: where a visitor enters an API key, for which the browser is given a session until they leave."""

import re
from urllib.parse import parse_qs, quote

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import Scope

from api.body import read_limited
from api.credentials import COOKIE, READING, Shown, check_origin, session_in
from api.doorkeeper import Doorkeeper
from api.pages.visit import Come, Visit
from api.problem import problem_of
from contract.errors import MissingKey, ScorelineError

LIMIT_BYTES = 4_000
PATH = re.compile(r"/(?:[\w.-][\w./-]*)?(?:\?[\w.=&%-]*)?", re.ASCII)
"""An address here: none that a browser would take for one elsewhere, as it does `//` or a backslash."""

routes = APIRouter(include_in_schema=False)


@routes.get("/enter")
async def show(visit: Come, next: str = "/") -> Response:
    """Show the form for the key."""
    return visit.page("enter.html", next=own_path(next), problem=None)


@routes.post("/enter")
async def enter(visit: Come) -> Response:
    """Begin a session for the key that was entered, and send the visitor where they wanted to go.

    A wrong key is told in the form. Raises ForeignForm, and BodyTooLarge.
    """
    check_origin(visit.request.scope)
    entered = parse_qs((await read_limited(visit.request, LIMIT_BYTES)).decode("latin-1"))
    shown, next = (entered.get(name, [""])[0].strip() for name in ("key", "next"))
    doorkeeper = doorkeeper_of(visit.request)
    try:
        if not shown:
            raise MissingKey("Enter a key.")
        key = await doorkeeper.find(Shown(shown.encode()))
        secret = await run_sync(doorkeeper.sessions.begin, key.caller.key)
    except ScorelineError as error:
        return refused(visit, own_path(next), error)
    answer = RedirectResponse(own_path(next), 303)
    secure = visit.request.url.scheme == "https"
    lasts_s = doorkeeper.sessions.lasts_s
    answer.set_cookie(COOKIE, secret, lasts_s, path="/", secure=secure, httponly=True, samesite="strict")
    return answer


@routes.post("/leave")
async def leave(request: Request) -> Response:
    """End the session, for good, and have the browser forget it. Raises ForeignForm, and LedgerUnavailable."""
    check_origin(request.scope)
    if cookie := request.cookies.get(COOKIE):
        await doorkeeper_of(request).forget(session_in(cookie))
    answer = RedirectResponse("/enter", 303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def refused(visit: Visit, next: str, error: ScorelineError) -> Response:
    """Return the form that says why a key was not taken."""
    visit.request.app.state.refused.labels(error.code).inc()
    problem = problem_of(error).problem
    return visit.page("enter.html", problem.status, next=next, problem=problem)


def send_to_door(scope: Scope) -> Response:
    """Return what has a visitor who showed no key enter one, and go on to the page that they asked for."""
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    wanted = own_path(scope["path"] + query) if scope["method"] in READING else "/"
    door = f"/enter?next={quote(wanted, safe='')}" if wanted != "/" else "/enter"
    if any(name == b"hx-request" for name, _ in scope["headers"]):
        return Response(status_code=204, headers={"HX-Redirect": door})
    return RedirectResponse(door, 303)


def own_path(text: str) -> str:
    """Return the path if it is one of a page of ours, else that of the first page."""
    return text if PATH.fullmatch(text) else "/"


def doorkeeper_of(request: Request) -> Doorkeeper:
    """Return who knows the keys."""
    doorkeeper: Doorkeeper = request.app.state.keepers.doorkeeper
    return doorkeeper
