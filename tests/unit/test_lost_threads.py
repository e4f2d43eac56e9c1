"""A worker's counting thread outlives one bad record; a process that loses a thread it needs ends, for another."""

import logging
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry

from bench.local.conditions import wait_until
from bench.local.programs import ROOT, free_port
from core.connect import open_redis
from core.ids import new_id
from core.ledger.protocol import Outcome
from core.ledger.redis.histograms import Histograms
from core.schema.score import ScoreRow
from core.settings import Settings
from monitoring.instrument import WorkerMetrics
from monitoring.vital import VitalThreads
from worker.interactive.counters import BatchCounters
from worker.interactive.drift import DriftAccumulator

COLUMN: ScoreRow = ([0.25], [0])  # type: ignore[assignment]  # what a model whose risk is a column once had counted

LOSES_ITS_THREAD = """
import logging, threading
from monitoring.vital import VitalThreads
from worker.stop import end_if_dead

def fail():
    raise TypeError("age=63")

logging.basicConfig(level=logging.INFO, format="%(message)s")
vital = VitalThreads()
end_if_dead(vital)
vital.start("drift", fail).join()
end_if_dead(vital)
threading.Event().wait()
"""


def outcome(row: ScoreRow) -> Outcome:
    """Return what was made of a job of one record."""
    return Outcome(new_id(), scores=[row], model_version="1.0.0")


def test_a_record_that_cannot_be_counted_is_no_reason_to_count_no_more(caplog: pytest.LogCaptureFixture) -> None:
    away = Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    registry, vital = CollectorRegistry(), VitalThreads()
    tally = DriftAccumulator(Histograms(open_redis(away, retries=0)), vital)
    counting = BatchCounters(WorkerMetrics(registry), tally)

    def scored() -> float | None:
        return registry.get_sample_value("scoreline_predicted_risk_count", {"model_version": "1.0.0"})

    with caplog.at_level(logging.ERROR):
        counting.note_committed([outcome(COLUMN)], [], {})
        wait_until(
            lambda: "some of what was scored is not counted: TypeError" in caplog.text, within_s=10, what="a line"
        )
        counting.note_committed([outcome((0.5, 1, 0))], [], {})
        wait_until(lambda: scored() == 1, within_s=10, what="the next to be counted")
    assert vital.dead() == []
    assert "0.25" not in caplog.text


def test_a_process_that_lost_a_thread_ends_with_one_line() -> None:
    command = [sys.executable, "-c", LOSES_ITS_THREAD]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["the thread drift died of TypeError: restart this program"]
