"""The options of a submit: its headers (idempotency key, deadline, priority, wait) and its callback URL."""

import re
from hashlib import blake2s

from fastapi import Request

from api.http.openapi import describe_header
from core.address import Resolver
from core.errors import BadHeader, RefusedCallback
from core.ledger.callback import host_of, parse_url
from core.ledger.key import Caller
from core.ledger.protocol import USUAL_PRIORITY, Idempotency
from core.settings import Settings

IDEMPOTENCY_KEY = describe_header(
    "Idempotency-Key", "Makes a repeat harmless: with the same key and body it is the same one."
)
PREFER = describe_header("Prefer", "`wait=10`: answer once the job has ended, or after 10 seconds (RFC 7240).")
CANCEL_AFTER = describe_header("Cancel-After", "`90s`, `15m` or `2h`: the job expires if it is not scored by then.")
PRIORITY = describe_header(
    "Priority", "`u=0` (most urgent) to `u=7`, default 3: the order among your own work (RFC 9218)."
)
LAST_EVENT_ID = describe_header("Last-Event-ID", "The last event that was told: go on behind it.")
RANGE = describe_header(
    "Range", "`bytes=1000-`: go on with a download that broke off; what is sent as it is alone has ranges."
)

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
LONGEST_S = 7 * 86_400
UNKEYED = "anyone"  # the caller if no keys are required


def read_idempotency(request: Request, by: Caller, body: bytes) -> Idempotency | None:
    """Return the hashes by which a repeat of this submit is recognised, or None without an `Idempotency-Key`.

    The key is a quoted string of 1 to 255 characters (draft-ietf-httpapi-idempotency-key-header-07); the quotes may be
    left out. Callers do not share keys. The path and query count as part of the body. Raises BadHeader.
    """
    header = request.headers.get("idempotency-key")
    if header is None:
        return None
    key = header.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 1 <= len(key) <= 255:
        raise BadHeader('Idempotency-Key must be 1 to 255 characters in quotes, such as "8e03978e-40d5-43dd".')
    target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return Idempotency(_hash(f"{by.key or UNKEYED}\0{key}".encode()), _hash(target.encode() + b"\0" + body))


def read_cancel_after(request: Request) -> float | None:
    """Return the seconds of `Cancel-After`, such as `90s`, `15m` or `2h`, or None without it. Raises BadHeader."""
    header = request.headers.get("cancel-after")
    if header is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smh]?)", header.strip())
    seconds = int(match[1]) * SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= LONGEST_S:
        raise BadHeader("Cancel-After must be a whole number with s, m or h, such as 90s, and at most a week.")
    return float(seconds)


def read_priority(request: Request) -> int:
    """Return the urgency of `Priority: u=N` (RFC 9218, section 4.1), 0 to 7, and 3 without it.

    An invalid header is ignored, as the standard says.
    """
    header = request.headers.get("priority")
    if header is None:
        return USUAL_PRIORITY
    urgencies = re.findall(r"(?:^|,)[ \t]*u=([0-7])(?=[ \t]*(?:[,;]|$))", header)
    return int(urgencies[-1]) if urgencies else USUAL_PRIORITY  # the last of equal keys counts (RFC 8941, 3.2)


def read_wait(request: Request, limit_s: float) -> float | None:
    """Return the seconds of `Prefer: wait=10` (RFC 7240), at most `limit_s`, or None without it.

    An invalid preference is ignored, as the standard says.
    """
    for preference in ",".join(request.headers.getlist("prefer")).split(","):
        match = re.fullmatch(r'wait="?([0-9]{1,6})"?', preference.partition(";")[0].replace(" ", "").lower())
        if match:
            return min(float(match[1]), limit_s)
    return None


def _hash(text: bytes) -> str:
    return blake2s(text, digest_size=16).hexdigest()


async def check_callback(url_text: str | None, by: Caller, settings: Settings, resolver: Resolver) -> str | None:
    """Return the URL to notify of the job's end, or None without one.

    Raises RefusedCallback if callbacks are not set up, the text is no valid URL, or its host has a forbidden address;
    and UnresolvedCallback if the host's name is not resolved in time. Each caller has a share of the lookups.
    """
    if url_text is None:
        return None
    if settings.callback_secret is None:
        raise RefusedCallback(
            "Callbacks are not set up here: leave callback_url out; an operator may set SCORELINE_CALLBACK_SECRET."
        )
    url = parse_url(url_text)
    await resolver.find(host_of(url), by.key)
    return url
