"""A thread that a process cannot do without is named once it has died."""

from threading import Event

import pytest

from monitoring.vital import VitalThreads


def fail() -> None:
    """Fail with a text that must not be told."""
    raise TypeError("age=63")


def test_a_thread_whose_target_raises_is_named_as_dead_and_its_error_by_type_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vital = VitalThreads()
    vital.start("drift", fail).join()
    assert vital.dead() == ["drift"]
    assert "the thread drift died of TypeError" in caplog.text
    assert "63" not in caplog.text


def test_a_thread_that_runs_or_ends_as_asked_is_not_dead() -> None:
    vital, stop = VitalThreads(), Event()

    def run_until_stopped() -> None:
        stop.wait()

    thread = vital.start("notices", run_until_stopped)
    assert vital.dead() == []
    stop.set()
    thread.join()
    assert vital.dead() == []
