"""Checks the callback of a submit, before anything is written down."""

from contract.address import Resolver
from contract.callback import host_of, parse_url
from contract.errors import RefusedCallback
from contract.key import Caller
from contract.settings import Settings


async def check_callback(given: str | None, by: Caller, settings: Settings, resolver: Resolver) -> str | None:
    """Return the URL that is told of the job's end, or None where none is given.

    Raises RefusedCallback for one that could not be signed for, is no URL, or leads where no stranger may send us;
    UnresolvedCallback where that is not known in time, of which who asks has a share.
    """
    if given is None:
        return None
    if settings.callback_secret is None:
        raise RefusedCallback(
            "Callbacks are not set up here: leave callback_url out; an operator may set SCORELINE_CALLBACK_SECRET."
        )
    url = parse_url(given)
    await resolver.find(host_of(url), by.key)
    return url
