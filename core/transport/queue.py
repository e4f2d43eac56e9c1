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
from core.transport.message import Message, count_messages

INTERACTIVE, BULK, CALLBACKS = JOBS.queue, PARTS.queue, CALLBACK_QUEUE
MOST_NOTIFICATIONS = 64  # in the queue; each has a worker score whatever waits, so that more are not needed
SCORE, SCORE_PARTS, NOTIFY = "scoreline.score", "scoreline.score_parts", "scoreline.notify"

log = logging.getLogger(__name__)

Send = Callable[[Message], None]
"""Sends a message to its queue, or raises kombu's OperationalError."""


def make_celery(settings: Settings) -> Celery:
    """Return the Celery application, the same for gateway, worker, reaper and Flower.

    The shortest visibility timeout of any application on a broker applies to all, so all programs use this one.
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
        # A message is acknowledged once its work is committed; the ledger makes a redelivery harmless.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_time_limit=settings.task_limit_s,
        # The probe job and the supervisor watch workers; events are for Flower and the exporter.
        worker_send_task_events=True,
        task_send_sent_event=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=settings.redis_timeout_s,
        broker_transport_options=_transport(settings),
        broker_use_ssl=check_certificate(settings),  # else kombu would connect to a rediss:// without TLS
        # A gateway that cannot send does not wait: the reaper sends instead.
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
    """Return the function that sends a webhook worker a message to deliver due callbacks; the message is empty."""

    def send(_: Message) -> None:
        app.send_task(NOTIFY, queue=CALLBACKS)

    return send


def limits_of(settings: Settings) -> dict[str, int]:
    """Return the backlog limit of each queue, by its name: records, or rows of files."""
    return {INTERACTIVE: settings.backlog_limit, BULK: settings.bulk_backlog_limit}


def submit(ledger: Ledger, send: Send, jobs: Sequence[NewJob], *, by_queue: bool = False) -> SubmitResult:
    """Write the jobs, then notify workers of those accepted, and return the status of each.

    A message that cannot be sent is no error, since the job is written: a worker that claims again finds it, or the
    reaper sends another message. So none is sent if the queue holds `MOST_NOTIFICATIONS` already: the queue stays
    short, and a redelivery, which needs a message of its own, does not wait behind thousands. None is sent either if a
    worker long polls, unless `by_queue`. Raises LedgerUnavailable.
    """
    result = ledger.submit(jobs)
    if result.notifications >= MOST_NOTIFICATIONS or (result.long_polled and not by_queue):
        return result
    pairs = zip(jobs, result.statuses, strict=True)
    accepted = [len(job.rows) for job, (status, _) in pairs if status is SubmitStatus.ACCEPTED]
    notify(send, [Message(result.sent_ms, [])] * count_messages(accepted))
    return result


def notify_callbacks(callbacks: Callbacks, send: Send) -> None:
    """Send as many messages as the due callbacks need, less those in the queue. Raises LedgerUnavailable.

    A lost message, or a webhook worker that dies, needs no other care: the callback stays due, or is due again.
    """
    due = callbacks.due()
    wanted = min(math.ceil(due.callbacks / CALLBACKS_AT_ONCE), MOST_NOTIFICATIONS)
    notify(send, [Message(0, [])] * (wanted - due.notifications))


def notify(send: Send, messages: Sequence[Message]) -> None:
    """Send the messages; one that cannot be sent is left to the reaper."""
    for message in messages:
        try:
            send(message)
        except OperationalError:
            log.warning("the queue cannot be reached; the reaper will send messages for what waits")
            return
