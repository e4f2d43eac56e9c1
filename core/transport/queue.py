"""The queue: task and queue names, the Celery application that all sides share, and `submit`."""

import logging
import math
from collections.abc import Callable, Sequence

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from core.connect import ask_sentinel, check_certificate
from core.ledger.callback import CALLBACKS_AT_ONCE, Callbacks
from core.ledger.protocol import Ledger, NewJob, SubmitResult, SubmitStatus
from core.ledger.redis.keys import CALLBACK_QUEUE, JOBS, PARTS
from core.settings import Settings
from core.transport.broker import Broker
from core.transport.message import Message, count_turns

INTERACTIVE, BULK, CALLBACKS = JOBS.queue, PARTS.queue, CALLBACK_QUEUE
BELLS_ENOUGH = 64  # messages that may hang in the queue; each makes a worker go on with whatever waits
SCORE, SCORE_PARTS, NOTIFY = "scoreline.score", "scoreline.score_parts", "scoreline.notify"

log = logging.getLogger(__name__)

Send = Callable[[Message], None]
"""Rings the queue for the jobs of a message, or raises kombu's OperationalError."""


def make_celery(settings: Settings) -> Celery:
    """Return the Celery application, the same for gateway, worker, sweep and Flower.

    The shortest visibility timeout of any application on a broker rules them all, so that there is only this one.
    """
    app = Celery("scoreline", amqp=Broker, broker=settings.redis_url, set_as_current=False)
    app.conf.update(
        task_queues=[Queue(name, routing_key=name) for name in (INTERACTIVE, BULK, CALLBACKS)],
        task_default_queue=INTERACTIVE,
        task_default_routing_key=INTERACTIVE,
        task_serializer="json",
        accept_content=["json"],
        result_backend=None,
        task_ignore_result=True,
        # A message is acknowledged when its work is committed; the ledger makes a second delivery harmless.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_time_limit=settings.task_limit_s,
        # The canary and the supervisor look after workers; events are for Flower and the exporter.
        worker_send_task_events=True,
        task_send_sent_event=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=settings.redis_timeout_s,
        broker_transport_options=_transport(settings),
        broker_use_ssl=check_certificate(settings),  # without any, kombu would speak plainly to a rediss://
        # A gateway that cannot ring does not wait: the sweep rings for it.
        task_publish_retry=False,
    )
    return app


def _transport(settings: Settings) -> dict[str, object]:
    options: dict[str, object] = {
        "visibility_timeout": settings.visibility_timeout_s,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 10,
        "health_check_interval": 5,
        "socket_timeout": 5,  # above the 1 s that a worker's blocking pop takes
        "socket_connect_timeout": settings.redis_timeout_s,
        "socket_keepalive": True,
    }
    if settings.redis_url.startswith("sentinel://"):
        options |= {"master_name": settings.redis_master, "sentinel_kwargs": ask_sentinel(settings)}
    return options


def make_send(app: Celery) -> Send:
    """Return the function that sends a message to the interactive queue."""

    def send(message: Message) -> None:
        app.send_task(SCORE, args=[message.sent_ms, message.ids], queue=INTERACTIVE)

    return send


def make_send_parts(app: Celery) -> Send:
    """Return the function that sends a message to the bulk queue, whose ids are those of parts of files."""

    def send(message: Message) -> None:
        app.send_task(SCORE_PARTS, args=[message.sent_ms, message.ids], queue=BULK)

    return send


def make_notify(app: Celery) -> Send:
    """Return the function that has a notifier look for callbacks; the message need not say more."""

    def send(_: Message) -> None:
        app.send_task(NOTIFY, queue=CALLBACKS)

    return send


def limits_of(settings: Settings) -> dict[str, int]:
    """Return how much may wait in a queue, by its name: patients, or rows of files."""
    return {INTERACTIVE: settings.backlog_limit, BULK: settings.bulk_backlog_limit}


def submit(ledger: Ledger, send: Send, jobs: Sequence[NewJob], *, by_queue: bool = False) -> SubmitResult:
    """Write the jobs down, then ring for those accepted, and return what became of each.

    A bell that does not ring is no error, since the job is written down: it is taken by a worker that goes on with what
    waits, or the sweep rings again. So none is rung where enough hang already: the queue stays short, and a job that
    must travel in a message of its own does not wait behind thousands. Nor is one rung, but `by_queue`, where a worker
    attends. Raises LedgerUnavailable.
    """
    result = ledger.submit(jobs)
    if result.bells >= BELLS_ENOUGH or (result.attended and not by_queue):
        return result
    pairs = zip(jobs, result.statuses, strict=True)
    accepted = [len(job.rows) for job, (verdict, _) in pairs if verdict is SubmitStatus.ACCEPTED]
    notify(send, [Message(result.sent_ms, [])] * count_turns(accepted))
    return result


def notify_callbacks(callbacks: Callbacks, send: Send) -> None:
    """Ring as often as it takes to have all that is due delivered, less the bells that hang. Raises LedgerUnavailable.

    A bell that is lost, or whose notifier dies, needs no other care: what it was rung for is due still, or again.
    """
    due = callbacks.due()
    wanted = min(math.ceil(due.callbacks / CALLBACKS_AT_ONCE), BELLS_ENOUGH)
    notify(send, [Message(0, [])] * (wanted - due.bells))


def notify(send: Send, messages: Sequence[Message]) -> None:
    """Send the messages; one that cannot be sent is left to the next sweep."""
    for message in messages:
        try:
            send(message)
        except OperationalError:
            log.warning("the queue cannot be reached; the sweep will ring for what waits")
            return
