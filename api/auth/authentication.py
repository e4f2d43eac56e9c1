"""The gate: middleware that lets in who shows a key, as far as the key allows, and notes who was answered what."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from fastapi import FastAPI
from prometheus_client import Counter
from redis import Redis
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.access_log import AccessLog
from api.auth.authenticator import Authenticator
from api.auth.credentials import CALLER, READING, challenge_of, credential_in
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

OPEN = frozenset({"/docs", "/openapi.json", "/enter", "/leave"})
OPEN_BELOW = ("/health/", "/static-offline-docs/", "/static/")
"""What is open to everyone: it says nothing of any patient, job or key."""

SCORING = ("/v1/jobs", "/api/prediction", "/jobs")


@lru_cache(maxsize=256)  # which is more than there are routes, and little memory however long the paths
def scope_of(method: str, path: str) -> key.Scope | None:
    """Return what a key must allow for this, or None where no key is needed; for what is not known here, `admin`."""
    if path in OPEN or path.startswith(OPEN_BELOW):
        return None
    if method in READING:
        return key.Scope.READ
    if path.startswith(("/v1/batches", "/batches")):
        return key.Scope.BATCH
    return key.Scope.SCORE if path == "/" or path.startswith(SCORING) else key.Scope.ADMIN


def add_authentication(
    app: FastAPI, auth: "AuthServices | None", pace: Pace, show: RenderProblem, refused: Counter
) -> None:
    """Have the app ask for keys if there is who looks at them, and say so in its document.

    Who is not let in is told so as `show` does, and counted as `refused` by why.
    """
    if auth:
        app.state.auth, app.state.refused = auth, refused
        app.add_middleware(AuthenticationMiddleware, auth=auth, pace=pace, show=show, refused=refused)
        declare_keys(app, scope_of)


@dataclass(frozen=True)
class AuthServices:
    """Who stands at the gate of one process."""

    authenticator: Authenticator
    rates: "Rates"
    access_log: AccessLog
    login_attempts: LoginAttempts

    @classmethod
    def over(cls, redis: Redis, settings: Settings) -> Self:
        """Return those who keep the gate by what this Redis says."""
        from api.auth.rates import Rates  # with limits, which a gateway without keys never needs

        own = settings.api_key.get_secret_value() if settings.api_key else None
        authenticator = Authenticator(Keyring(redis), Sessions(redis, settings.session_ttl), own)
        return cls(authenticator, Rates(redis), AccessLog(Audit(redis)), LoginAttempts())

    async def close(self) -> None:
        """Write down what they have noted, and wait for what they ask."""
        await self.access_log.close()
        self.authenticator.close()
        self.rates.close()


class AuthenticationMiddleware:
    """Middleware: each request that gets through has its caller in its scope."""

    def __init__(self, app: ASGIApp, auth: AuthServices, pace: Pace, show: RenderProblem, refused: Counter) -> None:
        self._app = app
        self._keepers = auth
        self._pace = pace
        self._show = show
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, self._closed_with(send))
            return
        wanted = scope_of(scope["method"], scope["path"])
        if wanted is None:
            await self._app(scope, receive, send)
            return
        found: Key | None = None
        requests = 0
        try:
            credential = credential_in(scope)
            found = self._keepers.authenticator.recall(credential) or await self._keepers.authenticator.find(credential)
            if connection := scope.get(CONNECTION):
                connection.belong_to(found.caller.key)
            most = found.caller.limits.requests_per_s
            if most is not None:
                requests = await self._keepers.rates.take(found.caller.key, most)
            if not found.caller.may(wanted):
                raise MissingScope(
                    f"This needs the scope `{wanted}`, which the API key has not: ask the operator of the service."
                )
        except ScorelineError as error:
            self._refused.labels(error.code).inc()
            told = problem_of(error)
            if challenge := challenge_of(error, wanted):
                told.headers["WWW-Authenticate"] = challenge
            answer = self._show(scope, told)
            await answer(scope, receive, self._told(scope, send, found, requests) if found else send)
            return
        scope[CALLER] = found.caller
        self._pace.note(found.caller.key)
        await self._app(scope, receive, self._told(scope, send, found, requests))

    def _closed_with(self, send: Send) -> Send:
        """Return what says that the app has shut down, once the keepers have."""

        async def close(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await self._keepers.close()
            await send(message)

        return close

    def _told(self, scope: Scope, send: Send, found: Key, requests: int) -> Send:
        """Return what sends an answer, with the key's limits in its headers, and notes it where it was read."""
        reads, limits = scope["method"] == "GET", found.caller.limits
        if limits is UNLIMITED and not reads:
            return send
        policy = policy_of(limits)

        def tell(message: Message) -> object:
            if message["type"] == "http.response.start":
                if reads and message["status"] < 400:
                    self._keepers.access_log.note(found.caller.key, scope["path"])
                if policy:
                    message["headers"] = [*message["headers"], *headers_of(policy, remainder_of(found, requests))]
            return send(message)

        return tell  # type: ignore[return-value]  # what it returns is awaited all the same


def headers_of(policy: str, remainder: str) -> list[tuple[bytes, bytes]]:
    """Return the headers that say these."""
    told = [(b"ratelimit-policy", policy.encode())]
    return [*told, (b"ratelimit", remainder.encode())] if remainder else told
