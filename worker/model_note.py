"""Has the audit know that another model scores."""

import logging
from collections.abc import Callable

from core.connect import open_redis
from core.errors import LedgerUnavailable
from core.ledger.redis.access.audit import Audit
from core.settings import Settings
from worker.metrics import Model

log = logging.getLogger(__name__)


def note_model_changes(current: Callable[[], Model], settings: Settings) -> Callable[[], Model]:
    """Return `current`, which notes each model that it gives for the first time in a process, or after another."""
    noted = ""

    def look() -> Model:
        nonlocal noted
        model = current()
        if model.version != noted:
            try:
                with open_redis(settings) as redis:
                    Audit(redis).note_model(model.version)
                noted = model.version
            except LedgerUnavailable:  # nothing can be scored either; it is noted before the next batch
                log.warning("that model %s scores cannot be noted in the audit yet", model.version)
        return model

    return look
