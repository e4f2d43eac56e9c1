"""The format of the ledger: which layout of keys and records Redis holds, and which programs may go on with it."""

from redis import Redis

from contract.errors import NewerLedger
from contract.ledger.asking import asking
from contract.ledger.keys import FORMAT, FORMAT_KEY


def adopt_format(redis: Redis) -> None:
    """Note that the ledger is of this program's format from now on, whatever older one it was of.

    Programs of an older format claim nothing from then on, if they are of 2 or later; what they wrote is moved by the
    reaper. Raises NewerLedger if it is the ledger that is newer, LedgerUnavailable if Redis does not answer.
    """
    with asking():
        known = int(redis.get(FORMAT_KEY) or 0)
        if known < FORMAT:
            redis.set(FORMAT_KEY, FORMAT)
    if known > FORMAT:
        raise NewerLedger(f"The ledger is of format {known}, and this program knows {FORMAT} at most: upgrade it.")
