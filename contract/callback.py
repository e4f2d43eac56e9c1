"""The callback: the URL that is told when its job has ended, and the secrets that sign what it is told."""

import base64
import binascii

from pydantic import SecretStr
from pydantic_core import Url, ValidationError

from contract.errors import RefusedCallback

URL_LIMIT = 2_000
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with is none
SECRET_BYTES = range(24, 65)  # Standard Webhooks 1.0.0, "Signature scheme"


def parse_url(text: str) -> str:
    """Return a callback's URL in the one form that every reader takes alike (WHATWG), in ASCII.

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
    """Return what was given: secrets, apart by spaces. Raises ValueError, which never repeats one."""
    secrets = secrets_of(given)
    if not secrets or not all(map(_is_secret, secrets)):
        raise ValueError(
            f"each secret must be {SECRET_PREFIX} and then {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes in base64"
        )
    return given


def secrets_of(given: SecretStr) -> list[str]:
    """Return each secret, the first of them the one that is to stay."""
    return given.get_secret_value().split()


def _is_secret(text: str) -> bool:
    encoded = text.removeprefix(SECRET_PREFIX)
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return False
    return text != encoded and len(decoded) in SECRET_BYTES
