"""Spans for OpenTelemetry, if the environment names a collector and its packages are installed; else none is loaded.

Only traces are sent: Prometheus reads the metrics, and logs stay where they are written.
"""

import atexit
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from threading import Thread
from typing import TYPE_CHECKING

from core.trace import read_traceparent
from core.transport.message import JOBS_IN_MESSAGE

if TYPE_CHECKING:
    from opentelemetry.trace import Span

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
INSTALL = "pip install --requirement requirements-otel.txt"
LINKS_LIMIT = "OTEL_SPAN_LINK_COUNT_LIMIT"
LINKS_AT_MOST = 2 * JOBS_IN_MESSAGE  # what a message names and what is taken along; the SDK would drop all above 128
FLUSHED_WITHIN_S = 1.5  # what a collector that is away may add to the time that a stop takes

log = logging.getLogger(__name__)


def is_wanted() -> bool:
    """Whether the environment names a collector, and does not switch tracing off."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not off and any(map(os.environ.get, ENDPOINTS))


def start_tracing(service: str) -> bool:
    """Have this process send its spans to the collector that the environment names; return whether it does.

    A thread sends them, so call it after the last fork. `OTEL_SERVICE_NAME` overrides `service`.
    """
    if not is_wanted():
        return False
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import SpanLimits, TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("nothing is traced: OTEL_* names a collector, but the packages are not installed; %s", INSTALL)
        return False
    if is_traced():
        return True
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service}
    limits = SpanLimits() if os.environ.get(LINKS_LIMIT) else SpanLimits(max_links=LINKS_AT_MOST)
    provider = TracerProvider(resource=Resource.create(named), span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    atexit.register(stop_tracing)
    return True


def stop_tracing() -> None:
    """Send the spans that are left, if the collector takes them soon; without `start_tracing`, do nothing."""
    from opentelemetry import trace

    if shutdown := getattr(trace.get_tracer_provider(), "shutdown", None):
        last = Thread(target=shutdown, daemon=True)
        last.start()
        last.join(FLUSHED_WITHIN_S)


def is_traced() -> bool:
    """Whether this process makes spans, because of `start_tracing` or of other code that has set OpenTelemetry up."""
    from opentelemetry import trace

    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def adopt_span(request_id: str, *, hidden_query: bool) -> str | None:
    """Add the request's id to the span of the request that is being served; return its `traceparent`, or None.

    `hidden_query` redacts its query, which may hold the URL of a callback, and that a secret.
    """
    from opentelemetry import trace

    span = trace.get_current_span()
    span.set_attributes({"scoreline.request_id": request_id} | ({"url.query": "REDACTED"} if hidden_query else {}))
    return traceparent_here()


def traceparent_here() -> str | None:
    """Return the `traceparent` of the span that the caller is in, or None."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return read_traceparent(carrier.get("traceparent", ""))


Attributes = Mapping[str, str | int]
"""Attributes of a span, under OpenTelemetry's names or ours."""


class Kind(Enum):
    """What a span stands for, by OpenTelemetry's names."""

    CONSUMER = "CONSUMER"
    CLIENT = "CLIENT"


@contextmanager
def spanned(
    name: str,
    kind: Kind,
    attributes: Attributes,
    *,
    parent: str | None = None,
    links: Sequence[str] = (),
) -> Iterator["Span"]:
    """Make a span that lasts as long as the block; `parent` and `links` are the `traceparent`s of other spans.

    Of an error that leaves the block only the type is recorded: its text could hold a patient's values.
    """
    from opentelemetry.trace import Link, SpanKind, StatusCode, get_current_span, get_tracer
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    read = TraceContextTextMapPropagator().extract
    others = [Link(get_current_span(read({"traceparent": link})).get_span_context()) for link in links]
    with get_tracer("scoreline").start_as_current_span(
        name,
        read({"traceparent": parent} if parent else {}),
        SpanKind[kind.value],
        attributes,
        others,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
