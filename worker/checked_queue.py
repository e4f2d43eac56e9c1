"""Checks messages before Celery sees them: a message that is not ours is dropped and counted.

Whoever can write to Redis can put anything into a queue. Celery 5.7 exits on a message that is no JSON, and obeys any
well-formed one: other tasks, times, callbacks. So each message is rebuilt here from the few parts that were checked.
"""

import base64
import json
import logging
import time
from functools import partial
from typing import Annotated, Any, Literal

from celery.utils.dispatch import Signal
from celery.worker.consumer import Consumer
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter
from redis import Redis
from typing_extensions import override

from core.connect import OomSafeRedis
from core.transport.broker import OomSafeChannel, with_channel
from core.transport.message import JOBS_IN_MESSAGE
from core.transport.queue import BULK, CALLBACKS, INTERACTIVE, NOTIFY, SCORE, SCORE_PARTS
from monitoring.instrument import QueueMetrics

LARGEST_BYTES = 65_536  # a message of ours with 256 jobs has 21,000
LOG_EVERY_S = 1.0  # so that a flood of messages causes no flood of log lines
PRIORITY_MARK = b"\x06"  # kombu puts it between a queue's name and a priority
LATEST_MS = 2**53

log = logging.getLogger(__name__)

message_refused = Signal(name="message_refused")
"""Sent for each message that was dropped."""

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Id = Annotated[str, StringConstraints(pattern=f"^{UUID}$")]
PartId = Annotated[str, StringConstraints(pattern=rf"^{UUID}\.[0-9]{{6,9}}$")]
SentMs = Annotated[int, Field(ge=0, le=LATEST_MS)]
Jobs = tuple[SentMs, Annotated[list[Id], Field(max_length=JOBS_IN_MESSAGE)]]
Parts = tuple[SentMs, Annotated[list[PartId], Field(max_length=JOBS_IN_MESSAGE)]]
Nothing = Annotated[dict[str, None], Field(max_length=10)]

BODIES: dict[str, tuple[str, TypeAdapter[Any]]] = {
    INTERACTIVE: (SCORE, TypeAdapter(tuple[Jobs, Nothing, Nothing])),
    BULK: (SCORE_PARTS, TypeAdapter(tuple[Parts, Nothing, Nothing])),
    CALLBACKS: (NOTIFY, TypeAdapter(tuple[tuple[()], Nothing, Nothing])),
}
"""The one task of each queue, and the body of its messages: arguments, keyword arguments, and Celery's callbacks."""

LONGEST_WAIT_S = 2


class Headers(BaseModel):
    """What is read of a message's headers."""

    task: str
    id: Id


class Properties(BaseModel):
    """What is read of a message's properties."""

    delivery_tag: Id
    body_encoding: Literal["base64"]


class QueueMessage(BaseModel):
    """What is read of a message."""

    body: str
    content_type: Literal["application/json"] = Field(alias="content-type")
    content_encoding: Literal["utf-8"] = Field(alias="content-encoding")
    headers: Headers
    properties: Properties


def count_refused(queue: str, metrics: QueueMetrics) -> None:
    """Count every message that this process, which consumes this queue only, refuses."""
    count = metrics.refused.labels(queue)
    message_refused.connect(lambda **_: count.inc(), weak=False)


def check(queue: str, sent: bytes) -> bytes:
    """Return the message, rebuilt from its checked parts. Raises ValueError, which never repeats it, if not ours."""
    if len(sent) > LARGEST_BYTES:
        raise ValueError(f"it has {len(sent)} bytes")
    task, body = BODIES[queue]
    try:
        wire = QueueMessage.model_validate_json(sent, strict=True)
        arguments, _, _ = body.validate_json(base64.b64decode(wire.body, validate=True), strict=True)
    except ValueError:  # of pydantic or base64
        raise ValueError("it is not written as ours are") from None
    if wire.headers.task != task:
        raise ValueError("its task is none of this queue's")
    return _write(queue, task, wire, arguments)


def _write(queue: str, task: str, wire: QueueMessage, arguments: Any) -> bytes:
    id = wire.headers.id
    headers = {"lang": "py", "task": task, "id": id, "root_id": id, "retries": 0, "timelimit": [None, None]}
    headers |= {"argsrepr": repr(arguments)[:1_000], "kwargsrepr": "{}"}
    where = {"exchange": "", "routing_key": queue}  # where it returns if it is not acknowledged
    message = {
        "body": base64.b64encode(json.dumps([arguments, {}, {}]).encode()).decode(),
        "content-type": wire.content_type,
        "content-encoding": wire.content_encoding,
        "headers": headers,
        "properties": {**wire.properties.model_dump(), "correlation_id": id, "delivery_info": where, "priority": 0},
    }
    return json.dumps(message).encode()


class CheckedRedis(OomSafeRedis):
    """A client that hides a refused message: its caller sees that no message has come."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refused, self._logged_s = 0, 0.0

    @override
    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        """Return the answer of Redis, or None if it is a message that is refused."""
        answer = super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        if command_name != "BRPOP" or not answer:
            return answer
        key, sent = answer
        queue = key.partition(PRIORITY_MARK)[0].decode(errors="replace")
        try:
            return key, check(queue, sent)
        except ValueError as error:
            self._log_refusal(queue, error)
            return None

    def _log_refusal(self, queue: str, error: ValueError) -> None:
        message_refused.send(sender=self)
        self._refused += 1
        if time.monotonic() >= self._logged_s + LOG_EVERY_S:
            what = "messages in the queue %s were not ours and are dropped, %d by now; of the last one: %s"
            log.warning(what, queue, self._refused, error)
            self._logged_s = time.monotonic()


class CheckedChannel(OomSafeChannel):
    """A channel that delivers only messages of ours."""

    @override
    def _get_client(self) -> type[Redis]:
        return CheckedRedis


class PromptConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """A consumer that reconnects to the broker at least every two seconds, and checks each message.

    Celery's own consumer waits two seconds longer after each attempt, up to thirty, and has no setting for it: after an
    outage of twenty seconds it would reconnect up to ten seconds late.
    """

    def ensure_connected(self, conn: Any) -> Any:
        """Return the connection once it is established."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=0.5, interval_step=0.5, interval_max=LONGEST_WAIT_S
        )
        find = type(conn).get_transport_cls  # by the scheme of the URL, which may differ between brokers
        conn.get_transport_cls = lambda: with_channel(CheckedChannel, find(conn))
        return super().ensure_connected(conn)
