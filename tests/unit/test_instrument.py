"""The parts of the metrics that need no server."""

import multiprocessing
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitoring.exposition import SharedMetrics, join_service, take_folder
from monitoring.histogram import Histogram
from monitoring.instrument import GatewayMetrics
from monitoring.listing import list_metrics

BUCKETS = (0.1, 0.5, 1)
VALUES = [0, 0.1, 0.1000001, 0.25, 0.5, 0.75, 1, 7]
SPAWN = multiprocessing.get_context("spawn")


def test_many_values_at_once_are_observed_as_one_by_one() -> None:
    one, many = (Histogram("risk", "help", buckets=BUCKETS, registry=None) for _ in range(2))
    for value in VALUES:
        one.observe(value)
    many.observe_all(VALUES)
    first, second = ([sample[:3] for family in each.collect() for sample in family.samples] for each in (one, many))
    assert first[:-1] == second[:-1]  # the last is when it was made


@pytest.mark.parametrize("metric", list_metrics(), ids=lambda metric: str(metric.name))
def test_a_metric_is_named_as_prometheus_has_it(metric: object) -> None:
    name, kind = metric.name, metric.type  # type: ignore[attr-defined]
    assert name.startswith(("scoreline_", "process_"))
    assert name.endswith("_total") == (kind == "counter")


def count_in(folder: Path, submits: int, clients: int, done: str) -> None:
    """Count so much in the folder, say so, and die without a word."""
    join_service(folder)
    metrics = GatewayMetrics(CollectorRegistry())
    metrics.submits.labels("accepted").inc(submits)
    metrics.waiting.inc(clients)
    Path(done).touch()
    os.kill(os.getpid(), 9)


def run(folder: Path, submits: int, clients: int, done: Path) -> None:
    process = SPAWN.Process(target=count_in, args=(folder, submits, clients, str(done)))
    process.start()
    process.join(30)
    assert done.exists()


def test_counts_outlive_a_process_that_is_killed_and_its_gauges_do_not(tmp_path: Path) -> None:
    folder = take_folder(tmp_path, "api")
    assert folder
    registry = CollectorRegistry()
    registry.register(SharedMetrics(folder))
    for number in range(1, 4):
        run(folder, number, 7, tmp_path / str(number))
        assert (
            registry.get_sample_value("scoreline_submits_total", {"verdict": "accepted"}) == number * (number + 1) / 2
        )
        assert not registry.get_sample_value("scoreline_waiting_clients")
        assert len(list(folder.glob("*.db"))) == 3  # one slot, of three kinds


def test_a_folder_whose_owner_is_gone_is_removed_and_no_other(tmp_path: Path) -> None:
    mine = take_folder(tmp_path, "worker")
    left = tmp_path / "metrics" / "worker-left"
    left.mkdir()
    other = take_folder(tmp_path, "worker")
    assert mine
    assert other
    assert mine != other
    assert set((tmp_path / "metrics").iterdir()) == {mine, other}


def test_where_no_folder_can_be_made_nothing_is_measured_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert take_folder(tmp_path / "file", "worker") is None
    assert "nothing is measured" in caplog.text


def test_what_is_shown_begins_at_zero() -> None:
    registry = CollectorRegistry()
    GatewayMetrics(registry)
    assert b"scoreline_waiting_clients 0.0" in generate_latest(registry)
