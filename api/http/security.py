"""The guard: who may be answered, and what each answer tells a browser; the outermost layer but for what measures it.

A page of another site makes its visitor's browser call whatever the browser reaches, this gateway on loopback too, by
a form of its own or by a name of its own that leads here. The browser tells of both.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem import RenderProblem, problem_of
from core.errors import BadHeader, ForeignForm, RequestError, UnknownHost, UnknownVersion, UnmetExpectation
from core.settings import Settings

Header = tuple[bytes, bytes]

HEADERS: list[Header] = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
]
"""What each answer says unless it says otherwise itself, as pages do. No more, since each costs a microsecond."""

NAMES = frozenset(name for name, _ in HEADERS)

ONCE = frozenset(
    b"authorization cancel-after content-encoding content-length content-type expect host idempotency-key "
    b"last-event-id origin range sec-fetch-site transfer-encoding x-api-key".split()
)
"""Headers of which two readers could each believe another one, if they were sent twice."""

RARE = frozenset((b"expect", b"sec-fetch-site", b"cookie"))  # headers of which few requests have any
VERSIONS = ("1.1", "1.0")
CONTINUE = b"100-continue"
CHANGES_NOTHING = ("GET", "HEAD", "OPTIONS")
FOREIGN = (b"cross-site", b"same-site")
HOSTS_REMEMBERED = 1_000  # each with its port, as it was sent


class SecurityMiddleware:
    """Middleware that refuses strangers' names and forms, and writes the headers of every answer.

    `show` makes of a problem what the one who asked is to be shown.
    """

    def __init__(self, app: ASGIApp, settings: Settings, show: RenderProblem) -> None:
        self._app = app
        self._show = show
        self._names = {*(settings.hosts or "").lower().split(), settings.api_host.lower(), "localhost"}
        self._known: set[bytes] = set()
        self._origins = frozenset((settings.cors_origins or "").encode().split())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        def guard(message: Message) -> object:
            # No coroutine of its own, since it is called for each piece of an answer.
            if message["type"] == "http.response.start":
                message["headers"] = with_headers(message["headers"])
            return send(message)

        sent: list[Header] = scope["headers"]
        headers = dict(sent)
        host = headers.get(b"host")
        try:
            if len(headers) < len(sent):
                refuse_twice(sent)
            if host not in self._known or scope["http_version"] not in VERSIONS:
                self._meet(host, scope["http_version"])
            if not RARE.isdisjoint(headers):
                self._meet_rare(scope["method"], headers)
                drop_escaped(sent)
        except RequestError as error:
            await self._show(scope, problem_of(error))(scope, receive, guard)  # type: ignore[arg-type]
            return
        await self._app(scope, receive, guard)  # type: ignore[arg-type]  # what it returns is awaited all the same

    def _meet_rare(self, method: str, headers: Mapping[bytes, bytes]) -> None:
        if headers.get(b"expect", CONTINUE).lower() != CONTINUE:
            raise UnmetExpectation
        if headers.get(b"sec-fetch-site") not in FOREIGN or method in CHANGES_NOTHING:
            return
        if headers.get(b"origin") not in self._origins:
            raise ForeignForm

    def _meet(self, host: bytes | None, version: str) -> None:
        if version not in VERSIONS:
            raise UnknownVersion
        if host is None:
            if version == "1.0":
                return
            raise BadHeader("The header Host must be sent (RFC 9112, section 3.2).")
        if "*" not in self._names and not is_ours(host.decode("latin-1").lower(), self._names):
            raise UnknownHost
        if len(self._known) < HOSTS_REMEMBERED:
            self._known.add(host)


def is_ours(host: str, names: Iterable[str]) -> bool:
    """Whether a `Host` is one of the names, or an address, with whatever port.

    Any address is: a page that has its own name lead here is called by that name, never by an address.
    """
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    if port and not (port.isascii() and port.isdigit()):
        return False
    if name in names:
        return True
    try:
        return bool(ip_address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        return False


def refuse_twice(sent: Iterable[Header]) -> None:
    """Raise BadHeader for a header that was sent twice and must not be."""
    seen = set[bytes]()
    for name, _ in sent:
        if name in seen and name in ONCE:
            raise BadHeader(f"The header {name.decode()} must be sent once: send the one that is meant.")
        seen.add(name)


def drop_escaped(sent: list[Header]) -> None:
    """Drop the cookies with a backslash, which RFC 6265 allows in none: another site of this host may have set them.

    To unescape 30 KB of them takes Python before 3.11.10 seconds (CVE-2024-7592).
    """
    for place, (name, cookies) in enumerate(sent):
        if name == b"cookie" and b"\\" in cookies:
            sent[place] = (name, b";".join(cookie for cookie in cookies.split(b";") if b"\\" not in cookie))


def with_headers(headers: list[Header]) -> list[Header]:
    """Return the headers of an answer, and what it does not say itself of `HEADERS`."""
    said = dict(headers)
    if NAMES.isdisjoint(said):
        return headers + HEADERS
    return [*headers, *(header for header in HEADERS if header[0] not in said)]
