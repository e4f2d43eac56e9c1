"""Every metric that a service counts itself, declared once: name, help text, labels. docs/runbook.md lists them.

No label is copied from a request, and no value is a patient's. Help texts are short, since with several processes each
is stored once for each series.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitoring.histogram import Histogram

LATENCIES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SHORT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
WAITS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
RISKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class GatewayMetrics:
    """What a gateway process counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        count, observe = partial(Counter, registry=registry), partial(Histogram, registry=registry)
        self.requests = count(
            "scoreline_http_requests",
            "Requests answered; a route that does not exist is `none`.",
            ["method", "route", "status"],
        )
        self.request_seconds = observe(
            "scoreline_http_request_duration_seconds",
            "Seconds until an answer began.",
            ["method", "route"],
            buckets=LATENCIES_S,
        )
        self.group_jobs = observe(
            "scoreline_commit_group_jobs", "Jobs that were written down in one group.", buckets=SIZES
        )
        self.group_seconds = observe(
            "scoreline_commit_group_duration_seconds", "Seconds to write a group down and ring for it.", buckets=SHORT_S
        )
        self.submits = count("scoreline_submits", "Jobs submitted, by what became of the submit.", ["verdict"])
        self.refused = count("scoreline_refused_requests", "Requests refused by the gate, by why.", ["reason"])
        self.waiting = Gauge(
            "scoreline_waiting_clients",
            "Clients that wait for a job or a batch, or follow its events.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.refused_connections = count(
            "scoreline_refused_connections",
            "Connections that were ended, or refused, before a route was asked.",
            ["reason"],
        )


class WorkerMetrics:
    """What a scoring process counts. The canary's patient is in no count of rows, risks or waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.batch_rows = Histogram(
            "scoreline_batch_rows", "Patients in one call of the model.", buckets=SIZES, registry=registry
        )
        self.scoring_seconds = Histogram(
            "scoreline_scoring_duration_seconds",
            "Seconds of one call of the model.",
            buckets=SHORT_S,
            registry=registry,
        )
        self.scored_rows = Counter("scoreline_scored_rows", "Patients whose scores were committed.", registry=registry)
        self.rejected_rows = Counter(
            "scoreline_rejected_rows", "Rows of files that were refused, by parts committed.", registry=registry
        )
        self.failed_jobs = Counter("scoreline_failed_jobs", "Jobs that the model could not score.", registry=registry)
        self.queue_to_commit = Histogram(
            "scoreline_queue_to_commit_seconds",
            "Seconds from a job's or an upload's start to the commit of it, or of its part.",
            buckets=WAITS_S,
            registry=registry,
        )
        self.risk = Histogram(
            "scoreline_predicted_risk", "Predicted risks, 0 to 1.", ["model_version"], buckets=RISKS, registry=registry
        )
        self.conformal_sets = Counter(
            "scoreline_conformal_sets",
            "Conformal sets of scores: `disease`, `no disease`, `both` or `neither`.",
            ["model_version", "conformal"],
            registry=registry,
        )
        self.refused_bundle = Gauge(
            "scoreline_refused_bundle_processes",
            "Scoring processes that refuse the bundle in their folder, and go on with the one before.",
            multiprocess_mode="livesum",
            registry=registry,
        )


class ReaperMetrics:
    """What the sweep counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rounds = Counter("scoreline_sweeps", "Sweeps that were done to their end.", registry=registry)
        self.resent = Counter(
            "scoreline_resent",
            "Jobs, or parts of files, that the queue or a worker lost and that were sent again.",
            ["queue"],
            registry=registry,
        )
        self.last_round = Gauge(
            "scoreline_last_sweep_timestamp_seconds",
            "When the last sweep ended, in seconds since 1970.",
            registry=registry,
        )

    def note_round(self) -> None:
        """Count a sweep that has just ended."""
        self.rounds.inc()
        self.last_round.set_to_current_time()


class WebhookMetrics:
    """What a notifier counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "scoreline_callback_attempts",
            "Attempts to deliver a callback, by what came of them.",
            ["outcome"],
            registry=registry,
        )


class QueueMetrics:
    """What a program that takes messages from a queue counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.refused = Counter(
            "scoreline_refused_messages",
            "Messages that were not ours, and were dropped.",
            ["queue"],
            registry=registry,
        )
