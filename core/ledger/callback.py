"""The callback: the URL that is called when a job or batch has ended, and the secrets that sign the call."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import SecretStr
from pydantic_core import Url, ValidationError

from core.errors import RefusedCallback
from core.ledger.job import State

URL_LIMIT = 2_000
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of a secret is none
SECRET_BYTES = range(24, 65)  # Standard Webhooks 1.0.0, "Signature scheme"


def parse_url(text: str) -> str:
    """Return a callback's URL in the normal form of WHATWG, which every parser reads alike, in ASCII.

    Raises RefusedCallback unless it is http or https, has a host, and no user, password or fragment.
    """
    malformed = RefusedCallback(
        f"callback_url must be an absolute http or https URL of at most {URL_LIMIT} characters, "
        "without user, password and fragment: correct it, then send the patient again."
    )
    if len(text) > URL_LIMIT:
        raise malformed
    try:
        url = Url(text)
    except ValidationError:
        raise malformed from None
    unwanted = any(part is not None for part in (url.username, url.password, url.fragment))
    if url.scheme not in ("http", "https") or unwanted or len(str(url)) > URL_LIMIT:
        raise malformed
    return str(url)


def host_of(url: str) -> str:
    """Return the host of a parsed callback's URL: a name, or an address without brackets."""
    return (Url(url).host or "").strip("[]")


def check_secrets(given: SecretStr) -> SecretStr:
    """Return `given` if it is secrets, separated by spaces. Raises ValueError, which never repeats one."""
    secrets = secrets_of(given)
    if not secrets or not all(map(_is_secret, secrets)):
        raise ValueError(
            f"each secret must be {SECRET_PREFIX} and then {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes in base64"
        )
    return given


def secrets_of(given: SecretStr) -> list[str]:
    """Return each secret; the first is the one to keep when secrets are rotated."""
    return given.get_secret_value().split()


def _is_secret(text: str) -> bool:
    encoded = text.removeprefix(SECRET_PREFIX)
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return False
    return text != encoded and len(decoded) in SECRET_BYTES


CALLBACKS_AT_ONCE = 16  # that a webhook worker claims for one message


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback that a webhook worker holds until its lease ends: which job or batch ended, how and when.

    `url` may hold secrets, and must not be logged. Attempts are counted from 1. `trace` is that of the job or batch.
    """

    id: str
    url: str = field(repr=False)
    state: State
    ended_ms: int
    attempt: int
    kind: Literal["job", "batch"] = "job"
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """How many callbacks are due, and how many messages for them are in the queue."""

    callbacks: int
    notifications: int


class Callbacks(Protocol):
    """The promise: a callback is due once its job or batch ends, and stays due until it, or its job, is forgotten.

    The step that ends a job also makes its callback due, so that no crash loses one. The callbacks of jobs and those of
    batches are two instances. Every method raises LedgerUnavailable if the ledger does not answer. Repeating a call
    does no harm.
    """

    def due(self) -> Due:
        """Return how many callbacks are due."""

    def claim(self) -> list[Callback]:
        """Claim up to `CALLBACKS_AT_ONCE` of those due, the longest due first, and count the attempt.

        Each is due again when its lease of three times `callback_timeout_s` ends, unless it is put off or forgotten.
        """

    def put_off(self, id: str, wait_s: float) -> bool:
        """Make it due so many seconds from now; return False if its job is no longer stored by then."""

    def forget(self, id: str) -> None:
        """Never make it due again: it was delivered, or is given up."""
