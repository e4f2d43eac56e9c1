"""Deletes objects from the store that belong to no batch any more."""

import logging
import time
from threading import Event
from uuid import UUID

from core.errors import LedgerUnavailable, StoreUnavailable
from core.ids import first_id_at
from core.ledger.batch import BATCHES_FOLDER, folder_of
from core.ledger.continuity import Continuity
from core.ledger.redis.batches import Batches
from core.settings import Settings
from core.storage.store import Store

DELETE_EVERY_S = 1.0
FIND_STRAYS_EVERY_S = 3_600.0

log = logging.getLogger(__name__)


def clear_until(stop: Event, continuity: Continuity, batches: Batches, store: Store, settings: Settings) -> None:
    """Delete due objects every second, and look for strays every hour, until `stop` is set.

    Goes on if ledger or store are unavailable. Several may run at once. The ledger is compared with its checkpoint
    first: a Redis that was set back lists the open uploads from which the extent of the loss is derived.
    """
    due_s, away = 0.0, False
    while not stop.wait(DELETE_EVERY_S):
        try:
            continuity.compare()
            clear_once(batches, store)
            if time.monotonic() >= due_s:
                clear_strays(batches, store, settings)
                due_s = time.monotonic() + FIND_STRAYS_EVERY_S
            away = False
        except (LedgerUnavailable, StoreUnavailable) as error:
            if not away:
                log.warning("the store is not cleared for now: %s", error)
            away = True


def clear_once(batches: Batches, store: Store) -> int:
    """Delete the objects of erased, abandoned and expired ids; return how many ids. Raises as ledger and store do."""
    due = batches.list_trash()
    for id in due:
        store.delete(folder_of(id.rstrip("/")))
        batches.note_deleted(id)
    return len(due)


def clear_strays(batches: Batches, store: Store, settings: Settings) -> int:
    """Delete the objects of ids that the ledger does not know, if they are older than any kept result; return how many.

    Such objects stay behind if the ledger was lost. Younger ones are kept, since the ledger may be restored.
    """
    kept_ms = 1000 * (settings.result_ttl + settings.gone_ttl)
    oldest = first_id_at(int(time.time() * 1000) - kept_ms)
    strays = batches.find_strays([name for name in store.names(BATCHES_FOLDER) if is_id(name) and name < oldest])
    for id in strays:
        log.warning("batch %s is in the store and in no ledger; it is deleted", id)
        store.delete(folder_of(id))
    return len(strays)


def is_id(name: str) -> bool:
    """Whether a name is an id as we write it; other names in the store are not ours."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
