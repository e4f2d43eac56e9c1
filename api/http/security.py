"""Security middleware: refuses unsafe requests and adds security headers; only the request id is further outside.

A page of another site can make its visitor's browser call any server that the browser reaches, also this gateway on
loopback: by a form (CSRF), or by a host name that resolves to the gateway (DNS rebinding). The headers `Sec-Fetch-Site`
and `Host` reveal both.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem import RenderProblem, problem_of
from core.errors import BadHeader, ForeignForm, RequestError, UnknownHost, UnknownVersion, UnmetExpectation
from core.settings import Settings

Header = tuple[bytes, bytes]

SECURITY_HEADERS: list[Header] = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
]
"""Headers of each response that does not set them itself, as pages do. Few, since each costs a microsecond."""

HEADER_NAMES = frozenset(name for name, _ in SECURITY_HEADERS)

SINGLE_HEADERS = frozenset(
    b"authorization cancel-after content-encoding content-length content-type expect host idempotency-key "
    b"last-event-id origin range sec-fetch-site transfer-encoding x-api-key".split()
)
"""Headers that must be sent once: if there were two, two readers could each use another one."""

RARE_HEADERS = frozenset((b"expect", b"sec-fetch-site", b"cookie"))  # few requests have one of them
VERSIONS = ("1.1", "1.0")
CONTINUE = b"100-continue"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
FOREIGN_SITES = (b"cross-site", b"same-site")
HOSTS_REMEMBERED = 1_000  # accepted values of `Host`, with their ports


class SecurityMiddleware:
    """Middleware that refuses foreign hosts and foreign forms, and adds security headers to every response.

    `render` returns the response for a problem.
    """

    def __init__(self, app: ASGIApp, settings: Settings, render: RenderProblem) -> None:
        self._app = app
        self._render = render
        self._names = {*(settings.hosts or "").lower().split(), settings.api_host.lower(), "localhost"}
        self._accepted_hosts: set[bytes] = set()
        self._origins = frozenset((settings.cors_origins or "").encode().split())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        def send_secured(message: Message) -> object:
            # Not a coroutine, since it is called for each piece of a response.
            if message["type"] == "http.response.start":
                message["headers"] = add_security_headers(message["headers"])
            return send(message)

        headers_sent: list[Header] = scope["headers"]
        headers = dict(headers_sent)
        host = headers.get(b"host")
        try:
            if len(headers) < len(headers_sent):
                refuse_duplicates(headers_sent)
            if host not in self._accepted_hosts or scope["http_version"] not in VERSIONS:
                self._check_host(host, scope["http_version"])
            if not RARE_HEADERS.isdisjoint(headers):
                self._check_rare_headers(scope["method"], headers)
                drop_escaped(headers_sent)
        except RequestError as error:
            await self._render(scope, problem_of(error))(scope, receive, send_secured)  # type: ignore[arg-type]
            return
        await self._app(scope, receive, send_secured)  # type: ignore[arg-type]  # what it returns is awaited all the same

    def _check_rare_headers(self, method: str, headers: Mapping[bytes, bytes]) -> None:
        if headers.get(b"expect", CONTINUE).lower() != CONTINUE:
            raise UnmetExpectation
        if headers.get(b"sec-fetch-site") not in FOREIGN_SITES or method in SAFE_METHODS:
            return
        if headers.get(b"origin") not in self._origins:
            raise ForeignForm

    def _check_host(self, host: bytes | None, version: str) -> None:
        if version not in VERSIONS:
            raise UnknownVersion
        if host is None:
            if version == "1.0":
                return
            raise BadHeader("The header Host must be sent (RFC 9112, section 3.2).")
        if "*" not in self._names and not is_own_host(host.decode("latin-1").lower(), self._names):
            raise UnknownHost
        if len(self._accepted_hosts) < HOSTS_REMEMBERED:
            self._accepted_hosts.add(host)


def is_own_host(host: str, names: Iterable[str]) -> bool:
    """Whether a `Host` is one of the names, or any IP address, with any port.

    Addresses are safe: DNS rebinding needs a name.
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


def refuse_duplicates(headers_sent: Iterable[Header]) -> None:
    """Raise BadHeader if one of `SINGLE_HEADERS` was sent twice."""
    seen = set[bytes]()
    for name, _ in headers_sent:
        if name in seen and name in SINGLE_HEADERS:
            raise BadHeader(f"The header {name.decode()} must be sent once: send the one that is meant.")
        seen.add(name)


def drop_escaped(headers_sent: list[Header]) -> None:
    """Drop cookies with a backslash, which RFC 6265 forbids; another site on this host may have set them.

    Python before 3.11.10 takes seconds to unescape 30 KB of them (CVE-2024-7592).
    """
    for place, (name, cookies) in enumerate(headers_sent):
        if name == b"cookie" and b"\\" in cookies:
            headers_sent[place] = (name, b";".join(cookie for cookie in cookies.split(b";") if b"\\" not in cookie))


def add_security_headers(headers: list[Header]) -> list[Header]:
    """Return the headers of a response, plus those of `SECURITY_HEADERS` that it does not have."""
    present = dict(headers)
    if HEADER_NAMES.isdisjoint(present):
        return headers + SECURITY_HEADERS
    return [*headers, *(header for header in SECURITY_HEADERS if header[0] not in present)]
