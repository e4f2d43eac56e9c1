"""A collector of spans: a real HTTP server on loopback that takes OTLP and remembers what it was sent."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Seen(NamedTuple):
    """One span, ids in hexadecimal; `links` are traces and spans."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    links: list[tuple[str, str]]
    attributes: dict[str, str | int]
    ended_with_error: bool
    raw: str


class Collector:
    """What was sent to `url`."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Seen] = []

    def named(self, service: str, name: str) -> list[Seen]:
        """Return the spans of a service that have this name."""
        return [span for span in self.spans if (span.service, span.name) == (service, name)]

    def take(self, body: bytes) -> None:
        """Remember the spans of one request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = str(values_of(resource.resource.attributes)["service.name"])
            self.spans += [read(service, span) for scope in resource.scope_spans for span in scope.spans]


def read(service: str, span: Span) -> Seen:
    """Return what a span says."""
    links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
    return Seen(service, span.name, kind, *ids, links, values_of(span.attributes), span.status.code == 2, str(span))


def values_of(attributes: object) -> dict[str, str | int]:
    """Return attributes by name."""
    pairs: list[KeyValue] = list(attributes)  # type: ignore[call-overload]  # a container of protobuf's own
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.take(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
