"""The credential of a request, an API key or a session cookie, and the caller that it was found to be."""

from collections.abc import Callable
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import Scope

from core.errors import ForeignForm, MissingKey, MissingScope, RefusedKey, ScorelineError
from core.ledger import key
from core.ledger.key import ANYONE, Caller

SAFE_METHODS = ("GET", "HEAD")
COOKIE = "scoreline_session"
REALM = 'Bearer realm="scoreline"'


class Credential(NamedTuple):
    """The text of an API key, or the secret of a session that was begun with a key."""

    text: bytes
    is_session: bool = False


def read_credential(scope: Scope) -> Credential:
    """Return the credential of the request: its key, else its session; the security middleware refuses two keys.

    Raises MissingKey; and ForeignForm if a request that changes something has a session, but was not sent by our pages.
    """
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() != b"bearer":
                raise MissingKey
            return Credential(token.strip())
    cookie = Request(scope).cookies.get(COOKIE)
    if not cookie:
        raise MissingKey
    if scope["method"] not in SAFE_METHODS:
        check_origin(scope)
    return read_session(cookie)


def read_session(cookie: str) -> Credential:
    """Return the session in the value of our cookie."""
    return Credential(cookie.encode("latin-1", "replace"), is_session=True)


def check_origin(scope: Scope) -> None:
    """Raise ForeignForm unless a page of this gateway sent the request.

    A browser sends the cookie also with requests from pages on other ports of the host. But each request that changes
    something has an `Origin`, which no page can forge.
    """
    headers = Headers(scope=scope)
    if urlsplit(headers.get("origin", "")).netloc != headers.get("host"):
        raise ForeignForm


def challenge_of(error: ScorelineError, required: key.Scope) -> str | None:
    """Return the value of `WWW-Authenticate` (RFC 6750, section 3), or None if the error needs none."""
    challenges: dict[type[ScorelineError], Callable[[], str]] = {
        MissingKey: lambda: REALM,
        RefusedKey: lambda: f'{REALM}, error="invalid_token"',
        MissingScope: lambda: f'{REALM}, error="insufficient_scope", scope="{required}"',
    }
    return challenges[type(error)]() if type(error) in challenges else None


CALLER = "scoreline.caller"
"""The key of the authenticated caller in the scope of a request."""


def caller_of(request: Request) -> Caller:
    """Return the caller of the request; `ANYONE` if the gateway asks for no keys."""
    caller: Caller = request.scope.get(CALLER, ANYONE)
    return caller


async def _caller_of(request: Request) -> Caller:
    return caller_of(request)  # `async`, because FastAPI calls other dependencies in a thread


CurrentCaller = Annotated[Caller, Depends(_caller_of)]
"""A route's parameter that receives the caller."""
