"""Notes how much room Redis has, by which one owner's share of it for results is measured."""

from redis import Redis

from contract.ledger.asking import asking
from contract.ledger.keys import ROOM
from contract.ledger.survey import survey_server
from contract.settings import Settings

NOTED_FOR_S = 10  # several sweeps; a note that is older says nothing


def note_room(redis: Redis, settings: Settings) -> None:
    """Write down the bytes that are free below `SCORELINE_MEMORY_SHARE`; nothing where Redis may use all there is.

    Raises LedgerUnavailable.
    """
    server = survey_server(redis)
    if not server.memory_limit_bytes:
        return
    free_bytes = int(server.memory_limit_bytes * settings.memory_share) - server.memory_bytes
    with asking():
        redis.set(ROOM, max(0, free_bytes), ex=NOTED_FOR_S)
