"""Scores the parts of files: claim, read, score, write, commit."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from secrets import token_hex
from threading import Event, Thread

from core.errors import LedgerUnavailable, StoreFull, StoreUnavailable
from core.ledger.batch import DonePart, Form, errors_key, input_key, results_key
from core.ledger.job import JobError
from core.ledger.redis.batch_record import ClaimedPart
from core.ledger.redis.batches import Batches
from core.storage.store import Store
from core.transport.message import Message
from core.transport.queue import Send, notify
from monitoring.log import about
from worker.bulk.part import Predictor, score_part
from worker.interactive.scoring import explain_failure, refuse_version

STORE_AWAY_S = 2.0  # after which a part that could not be read or written is sent again
ATTEMPT_BYTES = 8

log = logging.getLogger(__name__)

TracePart = Callable[[ClaimedPart, str | None, Callable[[], bool]], bool]
"""Calls a function that scores a part, whose upload had this `traceparent`, and returns whether that ended the part."""


def untraced(_part: ClaimedPart, _trace: str | None, score: Callable[[], bool]) -> bool:
    """Score the part without tracing."""
    return score()


def score_parts(
    batches: Batches,
    store: Store,
    predictor: Predictor,
    message: Message,
    send: Send,
    lease_s: float,
    trace_part: TracePart = untraced,
) -> int:
    """Score a part: the one that the message names, or the next that waits; return how many parts ended, 0 or 1.

    A worker that claims a part, and leaves others for which there is no message, sends the next message.

    A part whose batch has ended is skipped; one that the store cannot read or write is put back. The results of a part
    are in the store before they are committed, under keys that no other attempt writes; the commit says which attempt
    counts. Raises LedgerUnavailable; then the leases run out and the reaper sends the parts again.
    """
    parts = batches.claim(message)
    if parts and batches.wants_message():
        notify(send, [Message(message.sent_ms, [])])
    with renew_leases(batches, parts, lease_s):
        return sum(_score_claimed(batches, store, predictor, part, trace_part) for part in parts)


def _score_claimed(
    batches: Batches, store: Store, predictor: Predictor, part: ClaimedPart, trace_part: TracePart
) -> bool:
    begun = batches.begin(part)
    if begun is None:
        return False
    form, trace = begun.form, begun.trace
    if form.model_version not in ("", predictor.version):
        batches.fail(part.batch, refuse_version(predictor.version))
        return False
    log_fields = about(batch_id=part.batch, part_id=part.id, trace=trace)
    return trace_part(part, trace, partial(_score_begun, batches, store, predictor, part, form, log_fields))


def _score_begun(
    batches: Batches, store: Store, predictor: Predictor, part: ClaimedPart, form: Form, log_fields: dict[str, str]
) -> bool:
    try:
        ended = batches.finish(part, score_stored(store, form, part, predictor))
        if not ended and batches.state(part.batch) is None:
            batches.hold(part.batch, 0)  # erased meanwhile: delete what was just written, too
        return ended
    except (StoreUnavailable, StoreFull) as error:
        log.warning("part %s is put back: %s", part.id, error, extra=log_fields)
        batches.put_back(part, STORE_AWAY_S)
    except LedgerUnavailable:
        raise
    except FileNotFoundError:
        log.error("part %s is not in the store", part.id, extra=log_fields)
        batches.fail(part.batch, LOST)
    except Exception as error:  # a model may fail in any way; the error's text could hold a patient's values
        log.error("part %s failed: the model raised %s", part.id, type(error).__name__, extra=log_fields)
        batches.fail(part.batch, explain_failure(error, "a part", "its number"))
    return False


def score_stored(store: Store, form: Form, part: ClaimedPart, predictor: Predictor) -> DonePart:
    """Score a part from the store, write its results and errors there, and return their counts and sizes.

    Raises what the store raises, including FileNotFoundError, and what `predictor` raises.
    """
    data = store.read(input_key(part.batch, part.number))
    attempt, results_bytes = token_hex(ATTEMPT_BYTES), 0
    with store.writing(results_key(part.batch, part.number, attempt)) as write:

        def write_block(block: bytes) -> None:
            nonlocal results_bytes
            results_bytes += len(block)
            write(block)

        scored = score_part(data, form, part.first_line, predictor, write_block)
    if scored.errors:
        store.write(errors_key(part.batch, part.number, attempt), scored.errors)
    return DonePart(
        rows=scored.rows,
        scored=scored.scored,
        rejected=scored.rejected,
        results_bytes=results_bytes,
        errors_bytes=len(scored.errors),
        attempt=attempt,
    )


@contextmanager
def renew_leases(batches: Batches, parts: Sequence[ClaimedPart], lease_s: float) -> Iterator[None]:
    """Renew the leases of the parts until the block is left. A process that hangs is killed, and so renews no more."""
    done = Event()

    def renew() -> None:
        while not done.wait(lease_s / 3):
            try:
                batches.renew(parts)
            except LedgerUnavailable:
                log.warning("the ledger is away: leases are not renewed")

    renewer = Thread(target=renew, name="leases", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        done.set()
        renewer.join()


LOST = JobError(code="part-lost", message="A part of the file is no longer in the object store; upload the file again.")
