"""The door: where a visitor enters an API key, for which the browser is given a session until they leave."""

import re
from urllib.parse import parse_qs, quote

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import Scope

from api.auth.authentication import AuthServices
from api.auth.credentials import COOKIE, READING, Credential, check_origin, session_in
from api.http.problem import problem_of
from api.jobs.body import read_limited
from api.pages.site import CurrentPage, PageContext
from core.errors import MissingKey, ScorelineError
from core.ledger.job import State
from core.ledger.redis.access.keyring import Key

LIMIT_BYTES = 4_000
ID = r"[0-9a-fA-F-]{36}"
ASKED = rf"(?:state=(?:{'|'.join(State)})|after={ID}|hours=[0-9]{{1,3}}|sample=true)"
PATH = re.compile(rf"/(?:(?:jobs|batches)(?:/{ID})?|model|drift|system)?(?:\?{ASKED}(?:&{ASKED})*)?")
"""A page of ours, and what may be asked of it: no text of a visitor's own is repeated, or leads elsewhere."""

routes = APIRouter(include_in_schema=False)


@routes.get("/enter")
async def show(context: CurrentPage, next: str = "/") -> Response:
    """Show the form for the key."""
    return context.page("enter.html", next=own_path(next), problem=None)


@routes.post("/enter")
async def enter(context: CurrentPage) -> Response:
    """Begin a session for the key that was entered, and send the visitor where they wanted to go.

    It is a request like any other of that key. A wrong key is told in the form, and so is one too many, be it of the
    key's own or of wrong ones from that address. Raises ForeignForm, and BodyTooLarge.
    """
    check_origin(context.request.scope)
    entered = parse_qs((await read_limited(context.request, LIMIT_BYTES)).decode("latin-1"))
    credential, next = (entered.get(name, [""])[0].strip() for name in ("key", "next"))
    auth = auth_services_of(context.request)
    sessions = auth.authenticator.sessions
    try:
        if not credential:
            raise MissingKey("Enter a key.")
        key = await find_entered(auth, Credential(credential.encode()), context.request)
        secret = await run_sync(sessions.begin, key.caller.key)
    except ScorelineError as error:
        return refused(context, own_path(next), error)
    answer = RedirectResponse(own_path(next), 303)
    secure = context.request.url.scheme == "https"
    answer.set_cookie(COOKIE, secret, sessions.lasts_s, path="/", secure=secure, httponly=True, samesite="strict")
    return answer


@routes.post("/leave")
async def leave(request: Request) -> Response:
    """End the session, for good, and have the browser forget it. Raises ForeignForm, and LedgerUnavailable."""
    check_origin(request.scope)
    if cookie := request.cookies.get(COOKIE):
        await auth_services_of(request).authenticator.forget(session_in(cookie))
    answer = RedirectResponse("/enter", 303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


async def find_entered(auth: AuthServices, credential: Credential, request: Request) -> Key:
    """Return the key that was entered, and count the request among its own. Raises as `Doorkeeper.find` does.

    Raises QuotaExceeded for one request too many of the key, and for any key that is not known yet from an address that
    too many wrong ones came from: who guesses is not looked at.
    """
    address = request.client.host if request.client else ""
    key = auth.authenticator.recall(credential)
    if key is None:
        auth.login_attempts.take(address)
        key = await auth.authenticator.find(credential)
        auth.login_attempts.give_back(address)
    most = key.caller.limits.requests_per_s
    if most is not None:
        await auth.rates.take(key.caller.key, most)
    return key


def refused(context: PageContext, next: str, error: ScorelineError) -> Response:
    """Return the form that says why a key was not taken."""
    context.request.app.state.refused.labels(error.code).inc()
    told = problem_of(error)
    page = context.page("enter.html", told.status_code, next=next, problem=told.problem)
    if wait := told.headers.get("retry-after"):
        page.headers["Retry-After"] = wait
    return page


def send_to_login(scope: Scope) -> Response:
    """Return what has a visitor who showed no key enter one, and go on to the page that they asked for."""
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    wanted = own_path(scope["path"] + query) if scope["method"] in READING else "/"
    address_to_enter = f"/enter?next={quote(wanted, safe='')}" if wanted != "/" else "/enter"
    if any(name == b"hx-request" for name, _ in scope["headers"]):
        return Response(status_code=204, headers={"HX-Redirect": address_to_enter})
    return RedirectResponse(address_to_enter, 303)


def own_path(text: str) -> str:
    """Return the path if it is one of a page of ours, else that of the first page."""
    return text if PATH.fullmatch(text) else "/"


def auth_services_of(request: Request) -> AuthServices:
    """Return who knows the keys, and what they allow."""
    auth: AuthServices = request.app.state.auth
    return auth
