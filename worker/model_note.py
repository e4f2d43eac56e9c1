"""Notes in the audit log when another model begins to score."""

import logging
from collections.abc import Callable

from core.connect import open_redis
from core.errors import LedgerUnavailable
from core.ledger.redis.access.audit import Audit
from core.settings import Settings
from worker.metrics import Model

log = logging.getLogger(__name__)


def note_model_changes(current: Callable[[], Model], settings: Settings) -> Callable[[], Model]:
    """Return `current`, wrapped to note each model that it returns first in a process, or after another model."""
    noted = ""

    def load_and_note() -> Model:
        nonlocal noted
        model = current()
        if model.version != noted:
            try:
                with open_redis(settings) as redis:
                    Audit(redis).note_model(model.version)
                noted = model.version
            except LedgerUnavailable:  # nothing can be scored either; the next batch tries again
                log.warning("that model %s scores cannot be noted in the audit yet", model.version)
        return model

    return load_and_note
