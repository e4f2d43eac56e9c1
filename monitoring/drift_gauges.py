"""Whether patients drift, asked when Prometheus asks."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from contract.errors import NoModel, NoReference
from contract.ledger.histograms import Histograms
from monitoring.drift import Drift, Verdict, watch_drift


class DriftGauges(Collector):
    """Collects the drift of the last 24 hours of the model that is served; nothing while none is.

    Raises LedgerUnavailable.
    """

    def __init__(self, histograms: Histograms) -> None:
        self._histograms = histograms

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; every gateway process returns the same."""
        try:
            return describe_drift(watch_drift(self._histograms))
        except (NoModel, NoReference):
            return []


def describe_drift(drift: Drift | None) -> list[GaugeMetricFamily]:
    """Return the metrics of what was found; an index is told of enough patients only."""
    psi = GaugeMetricFamily(
        "scoreline_drift_psi",
        "Population stability index of the last 24 hours against the reference; absent for too few patients.",
        labels=["feature", "model_version"],
    )
    alarm = GaugeMetricFamily(
        "scoreline_drift_alarm", "Whether the feature drifts: 0 or 1.", labels=["feature", "model_version"]
    )
    patients = GaugeMetricFamily(
        "scoreline_drift_patients", "Patients of the last 24 hours who are compared.", labels=["model_version"]
    )
    if drift:
        patients.add_metric([drift.model_version], drift.patients)
        for one in drift.features:
            alarm.add_metric([one.feature, drift.model_version], one.verdict is Verdict.DRIFTING)
            if one.psi is not None:
                psi.add_metric([one.feature, drift.model_version], one.psi)
    return [psi, alarm, patients]
