"""Authentication middleware: asks for a key with the right scope, enforces its limits, and logs access."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from fastapi import FastAPI
from prometheus_client import Counter
from redis import Redis
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.access_log import AccessLog
from api.auth.authenticator import Authenticator
from api.auth.credentials import CALLER, SAFE_METHODS, challenge_of, read_credential
from api.auth.login_attempts import LoginAttempts
from api.auth.openapi import declare_keys
from api.auth.quotas import policy_of, remainder_of
from api.http.connection_limits import CONNECTION
from api.http.problem import RenderProblem, problem_of
from api.pace import Pace
from core.errors import MissingScope, ScorelineError
from core.ledger import key
from core.ledger.key import UNLIMITED
from core.ledger.redis.access.audit import Audit
from core.ledger.redis.access.keyring import Key, Keyring
from core.ledger.redis.access.sessions import Sessions
from core.settings import Settings

if TYPE_CHECKING:
    from api.auth.rates import Rates

PUBLIC_PATHS = frozenset({"/docs", "/openapi.json", "/enter", "/leave"})
PUBLIC_PREFIXES = ("/health/", "/static-offline-docs/", "/static/")
"""The paths that need no key: their responses contain nothing about a patient, a job or a key."""

SCORING_PREFIXES = ("/v1/jobs", "/api/prediction", "/jobs")


@lru_cache(maxsize=256)  # more entries than there are routes, and little memory even with long paths
def required_scope(method: str, path: str) -> key.Scope | None:
    """Return the scope that a request needs, or None if it needs no key; `admin` for an unknown path."""
    if path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES):
        return None
    if method in SAFE_METHODS:
        return key.Scope.READ
    if path.startswith(("/v1/batches", "/batches")):
        return key.Scope.BATCH
    return key.Scope.SCORE if path == "/" or path.startswith(SCORING_PREFIXES) else key.Scope.ADMIN


def add_authentication(
    app: FastAPI, auth: "AuthServices | None", pace: Pace, render: RenderProblem, refused: Counter
) -> None:
    """Add the authentication to the app and to its document; do nothing if `auth` is None.

    `render` shows the problem of a refused request; `refused` counts refusals by their reasons.
    """
    if auth:
        app.state.auth, app.state.refused = auth, refused
        app.add_middleware(AuthenticationMiddleware, auth=auth, pace=pace, render=render, refused=refused)
        declare_keys(app, required_scope)


@dataclass(frozen=True)
class AuthServices:
    """The services of one process for authentication."""

    authenticator: Authenticator
    rates: "Rates"
    access_log: AccessLog
    login_attempts: LoginAttempts

    @classmethod
    def open(cls, redis: Redis, settings: Settings) -> Self:
        """Return the services over this Redis."""
        from api.auth.rates import Rates  # imports `limits`, which a gateway without keys never needs

        own = settings.api_key.get_secret_value() if settings.api_key else None
        authenticator = Authenticator(Keyring(redis), Sessions(redis, settings.session_ttl), own)
        return cls(authenticator, Rates(redis), AccessLog(Audit(redis)), LoginAttempts())

    async def close(self) -> None:
        """Write the access log, and wait for the calls to Redis that are running."""
        await self.access_log.close()
        self.authenticator.close()
        self.rates.close()


class AuthenticationMiddleware:
    """Middleware that refuses requests without a valid key, and puts the caller into the scope of the others."""

    def __init__(self, app: ASGIApp, auth: AuthServices, pace: Pace, render: RenderProblem, refused: Counter) -> None:
        self._app = app
        self._services = auth
        self._pace = pace
        self._render = render
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, self._close_on_shutdown(send))
            return
        required = required_scope(scope["method"], scope["path"])
        if required is None:
            await self._app(scope, receive, send)
            return
        api_key: Key | None = None
        requests = 0
        try:
            credential, authenticator = read_credential(scope), self._services.authenticator
            api_key = authenticator.recall_key(credential) or await authenticator.find_key(credential)
            if connection := scope.get(CONNECTION):
                connection.assign_owner(api_key.caller.key)
            limit_per_s = api_key.caller.limits.requests_per_s
            if limit_per_s is not None:
                requests = await self._services.rates.count_request(api_key.caller.key, limit_per_s)
            if not api_key.caller.may(required):
                raise MissingScope(
                    f"This needs the scope `{required}`, which the API key has not: ask the operator of the service."
                )
        except ScorelineError as error:
            self._refused.labels(error.code).inc()
            problem = problem_of(error)
            if challenge := challenge_of(error, required):
                problem.headers["WWW-Authenticate"] = challenge
            response = self._render(scope, problem)
            await response(scope, receive, self._wrap_send(scope, send, api_key, requests) if api_key else send)
            return
        scope[CALLER] = api_key.caller
        self._pace.note_request(api_key.caller.key)
        await self._app(scope, receive, self._wrap_send(scope, send, api_key, requests))

    def _close_on_shutdown(self, send: Send) -> Send:
        """Return a `send` that closes the services before the app reports that it has shut down."""

        async def close(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await self._services.close()
            await send(message)

        return close

    def _wrap_send(self, scope: Scope, send: Send, api_key: Key, requests: int) -> Send:
        """Return a `send` that adds the key's limits to the response headers, and logs the access if it is a GET."""
        reads, limits = scope["method"] == "GET", api_key.caller.limits
        if limits is UNLIMITED and not reads:
            return send
        policy = policy_of(limits)

        def send_with_limits(message: Message) -> object:
            if message["type"] == "http.response.start":
                if reads and message["status"] < 400:
                    self._services.access_log.note(api_key.caller.key, scope["path"])
                if policy:
                    message["headers"] = [*message["headers"], *limit_headers(policy, remainder_of(api_key, requests))]
            return send(message)

        return send_with_limits  # type: ignore[return-value]  # what it returns is awaited all the same


def limit_headers(policy: str, remainder: str) -> list[tuple[bytes, bytes]]:
    """Return the headers `RateLimit-Policy` and, unless the remainder is empty, `RateLimit`."""
    headers = [(b"ratelimit-policy", policy.encode())]
    return [*headers, (b"ratelimit", remainder.encode())] if remainder else headers
