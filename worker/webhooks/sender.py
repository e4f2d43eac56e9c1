"""The webhook sender: one signed POST that reports the end of a job or batch, as in Standard Webhooks 1.0.0."""

import asyncio
import json
import ssl
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpcore2
from standardwebhooks import Webhook
from typing_extensions import override

from core.address import Resolver
from core.errors import RefusedCallback, UnresolvedCallback
from core.ids import from_ms
from core.ledger.callback import Callback

CONNECTED_WITHIN_S = 3  # to one address; then the next one is tried
PUTTING_OFF = (429, 503)  # statuses with which `Retry-After` says when to retry (RFC 6585, 4; RFC 9110, 15.6.4)


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The result of one attempt: the status of the response, or else the fault that prevented one."""

    status: int = 0
    fault: str = ""
    retry_after_s: float = 0  # how long the receiver asks to wait, with a status of 429 or 503

    @property
    def delivered(self) -> bool:
        """Whether the receiver has accepted it."""
        return 200 <= self.status <= 299

    @property
    def unwanted(self) -> bool:
        """Whether the receiver wants no further attempt."""
        return self.status == 410


Deliver = Callable[[Callback], Coroutine[None, None, WebhookResponse]]
"""Makes one attempt; never raises. `WebhookSender.deliver`."""


class WebhookSender:
    """Delivers to any number of receivers at once; follows no redirect, uses no proxy, and reads no response body."""

    def __init__(self, secrets: Sequence[str], resolver: Resolver, tls: ssl.SSLContext, timeout_s: float) -> None:
        self._signers = [Webhook(secret) for secret in secrets]
        self._network = CheckedNetwork(resolver)
        self._tls = tls
        self._timeout_s = timeout_s

    async def deliver(self, callback: Callback) -> WebhookResponse:
        """Make one attempt, and return its result; nothing that a receiver does makes it raise."""
        body = to_body(callback)
        headers = {
            "Host": urlsplit(callback.url).netloc,
            "User-Agent": "Scoreline",
            "Content-Type": "application/json",
            **self._sign(f"{callback.id}-{callback.state}", body),
            **({"traceparent": callback.trace} if callback.trace else {}),
        }
        # A pool of its own: a connection that was checked for one host must not serve another at the same address.
        pool = httpcore2.AsyncConnectionPool(self._tls, network_backend=self._network)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                pool,
                pool.stream("POST", callback.url, headers=list(headers.items()), content=body.encode()) as response,
            ):
                asked_s = read_retry_after(response.headers) if response.status in PUTTING_OFF else 0
                return WebhookResponse(status=response.status, retry_after_s=asked_s)
        except (RefusedCallback, UnresolvedCallback) as error:
            return WebhookResponse(fault=str(error))
        except Exception as error:  # no receiver may harm the deliveries of others
            return WebhookResponse(fault=type(error).__name__)

    def _sign(self, id: str, body: str) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "webhook-id": id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signer.sign(id, now, body) for signer in self._signers),
        }


def read_retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Return the seconds that `Retry-After` asks to wait, in either of its forms (RFC 9110, 10.2.3); else 0."""
    text = {name.lower(): value for name, value in headers}.get(b"retry-after", b"").decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0
    return max(0.0, (at.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds())  # HTTP dates are in GMT


def to_body(callback: Callback) -> str:
    """Return the body: which job or batch ended, how and when; it is the same at each attempt."""
    place = {"job": "jobs", "batch": "batches"}[callback.kind]
    data = {"id": callback.id, "state": callback.state, "url": f"/v1/{place}/{callback.id}"}
    ended_at = from_ms(callback.ended_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"type": f"{callback.kind}.{callback.state}", "timestamp": ended_at, "data": data}
    return json.dumps(event, separators=(",", ":"))


class CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses that were checked, so that a name cannot resolve to others after the check."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._network = httpcore2.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        *others, last = await self._resolver.find(host)
        for address in others:
            try:
                return await self._network.connect_tcp(address, port, CONNECTED_WITHIN_S)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._network.connect_tcp(last, port, CONNECTED_WITHIN_S)
