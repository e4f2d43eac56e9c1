"""What a request shows of who sent it, an API key or a session in a cookie; and who that was found to be."""

from collections.abc import Callable
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import Scope

from core.errors import ForeignForm, MissingKey, MissingScope, RefusedKey, ScorelineError
from core.ledger import key
from core.ledger.key import ANYONE, Caller

READING = ("GET", "HEAD")
COOKIE = "scoreline_session"
REALM = 'Bearer realm="scoreline"'


class Credential(NamedTuple):
    """What was shown: a key, or the secret of a session that a key was entered for."""

    text: bytes
    is_session: bool = False


def credential_in(scope: Scope) -> Credential:
    """Return what the request shows; a key, where there is one: of two, the guard let none in.

    Raises MissingKey, and ForeignForm where a cookie that came along unasked would change something.
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
    if scope["method"] not in READING:
        check_origin(scope)
    return session_in(cookie)


def session_in(cookie: str) -> Credential:
    """Return what the value of our cookie shows."""
    return Credential(cookie.encode("latin-1", "replace"), is_session=True)


def check_origin(scope: Scope) -> None:
    """Raise ForeignForm unless a page of this very gateway sent the request.

    A browser sends a cookie with what another port of the same host has it send, too; but it names the origin with
    everything that is to change something, and no page can have it name another.
    """
    headers = Headers(scope=scope)
    if urlsplit(headers.get("origin", "")).netloc != headers.get("host"):
        raise ForeignForm


def challenge_of(error: ScorelineError, wanted: key.Scope) -> str | None:
    """Return the value of `WWW-Authenticate` (RFC 6750, section 3), or None where it is not asked for."""
    told: dict[type[ScorelineError], Callable[[], str]] = {
        MissingKey: lambda: REALM,
        RefusedKey: lambda: f'{REALM}, error="invalid_token"',
        MissingScope: lambda: f'{REALM}, error="insufficient_scope", scope="{wanted}"',
    }
    return told[type(error)]() if type(error) in told else None


CALLER = "scoreline.caller"
"""Under this name the gate writes the caller down in the scope of a request that it lets in."""


def caller_of(request: Request) -> Caller:
    """Return who sent the request."""
    caller: Caller = request.scope.get(CALLER, ANYONE)
    return caller


async def _caller_of(request: Request) -> Caller:
    return caller_of(request)  # a route's dependency is `async`, or each request would pass through a thread


CurrentCaller = Annotated[Caller, Depends(_caller_of)]
"""A route's parameter that is given who asks."""
