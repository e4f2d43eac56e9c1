"""The login page: a visitor enters an API key, and the browser gets a session until the visitor leaves."""

import re
from urllib.parse import parse_qs, quote

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import Scope

from api.auth.authentication import AuthServices
from api.auth.credentials import COOKIE, SAFE_METHODS, Credential, check_origin, read_session
from api.http.problem import problem_of
from api.jobs.body import read_limited
from api.pages.site import CurrentPage, PageContext
from core.errors import MissingKey, ScorelineError
from core.ledger.job import State
from core.ledger.redis.access.keyring import Key

LIMIT_BYTES = 4_000
ID = r"[0-9a-fA-F-]{36}"
QUERY_PART = rf"(?:state=(?:{'|'.join(State)})|after={ID}|hours=[0-9]{{1,3}}|sample=true)"
OWN_PATH = re.compile(rf"/(?:(?:jobs|batches)(?:/{ID})?|model|drift|system)?(?:\?{QUERY_PART}(?:&{QUERY_PART})*)?")
"""Matches the paths and queries of our pages, the only ones to redirect to: no other text is repeated or followed."""

routes = APIRouter(include_in_schema=False)


@routes.get("/enter")
async def show_login(context: CurrentPage, next: str = "/") -> Response:
    """Show the form for the key."""
    return context.render_page("enter.html", next=keep_own_path(next), problem=None)


@routes.post("/enter")
async def log_in(context: CurrentPage) -> Response:
    """Begin a session for the entered key, and redirect to the page that the visitor wanted.

    The request counts against the key's limits. The form shows the error for a wrong key, too many requests of the key,
    or too many wrong keys from the address. Raises ForeignForm and BodyTooLarge.
    """
    check_origin(context.request.scope)
    entered = parse_qs((await read_limited(context.request, LIMIT_BYTES)).decode("latin-1"))
    credential, next = (entered.get(name, [""])[0].strip() for name in ("key", "next"))
    auth = auth_services_of(context.request)
    sessions = auth.authenticator.sessions
    try:
        if not credential:
            raise MissingKey("Enter a key.")
        key = await find_entered_key(auth, Credential(credential.encode()), context.request)
        secret = await run_sync(sessions.begin, key.caller.key)
    except ScorelineError as error:
        return render_refusal(context, keep_own_path(next), error)
    answer = RedirectResponse(keep_own_path(next), 303)
    secure = context.request.url.scheme == "https"
    answer.set_cookie(COOKIE, secret, sessions.lasts_s, path="/", secure=secure, httponly=True, samesite="strict")
    return answer


@routes.post("/leave")
async def log_out(request: Request) -> Response:
    """End the session and delete its cookie. Raises ForeignForm and LedgerUnavailable."""
    check_origin(request.scope)
    if cookie := request.cookies.get(COOKIE):
        await auth_services_of(request).authenticator.end_session(read_session(cookie))
    answer = RedirectResponse("/enter", 303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


async def find_entered_key(auth: AuthServices, credential: Credential, request: Request) -> Key:
    """Return the entered key, and count the request against its limits. Raises what `Authenticator.find_key` raises.

    Raises QuotaExceeded for too many requests of the key; and, before an unknown key is looked up, for too many wrong
    keys from the address.
    """
    address = request.client.host if request.client else ""
    key = auth.authenticator.recall_key(credential)
    if key is None:
        auth.login_attempts.count_attempt(address)
        key = await auth.authenticator.find_key(credential)
        auth.login_attempts.uncount_attempt(address)
    limit_per_s = key.caller.limits.requests_per_s
    if limit_per_s is not None:
        await auth.rates.count_request(key.caller.key, limit_per_s)
    return key


def render_refusal(context: PageContext, next: str, error: ScorelineError) -> Response:
    """Return the form with the reason why the key was refused."""
    context.request.app.state.refused.labels(error.code).inc()
    response = problem_of(error)
    page = context.render_page("enter.html", response.status_code, next=next, problem=response.problem)
    if retry_after := response.headers.get("retry-after"):
        page.headers["Retry-After"] = retry_after
    return page


def send_to_login(scope: Scope) -> Response:
    """Return the redirect to the login page, which leads on to the requested page after the login."""
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    wanted = keep_own_path(scope["path"] + query) if scope["method"] in SAFE_METHODS else "/"
    login_path = f"/enter?next={quote(wanted, safe='')}" if wanted != "/" else "/enter"
    if any(name == b"hx-request" for name, _ in scope["headers"]):
        return Response(status_code=204, headers={"HX-Redirect": login_path})
    return RedirectResponse(login_path, 303)


def keep_own_path(text: str) -> str:
    """Return the path if it is that of one of our pages, else `/`."""
    return text if OWN_PATH.fullmatch(text) else "/"


def auth_services_of(request: Request) -> AuthServices:
    """Return the services for authentication."""
    auth: AuthServices = request.app.state.auth
    return auth
