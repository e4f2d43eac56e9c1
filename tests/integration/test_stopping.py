"""How the programs stop, and what they say when something happens that no one foresaw."""

import logging
import os
import signal
import threading
from pathlib import Path

import httpx2
import pytest
from typing_extensions import override

from bench.local.conditions import wait_until
from bench.local.programs import free_port, responds, running, start_python, valkey
from core.ledger.job import Job, State
from core.ledger.key import ANYONE, Caller
from core.ledger.memory.ledger import MemoryLedger
from core.ledger.protocol import Page
from core.schema.patient import EXAMPLE
from core.settings import Settings
from tests.ledgers import Clock
from tests.listening import gateway_over
from tests.receiver import SECRET as SECRET_TO_SIGN
from worker.stop import STOP_WITHIN_S

SECRET = "age 63.125"  # noqa: S105 - stands for a patient's value


class Surprising(MemoryLedger):
    """A ledger with a fault that no one foresaw, whose text holds a patient's value."""

    @override
    def page(self, *, state: State | None, limit: int, after: str | None, by: Caller = ANYONE) -> Page[Job]:
        raise ValueError(SECRET)


def test_what_no_one_foresaw_is_a_problem_and_its_text_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), gateway_over(Surprising(Settings(), Clock())) as (url, _):
        answer = httpx2.get(f"{url}/v1/jobs")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:scoreline:problem:internal-error")
    assert "GET /v1/jobs failed: ValueError" in caplog.text
    assert "63.125" not in caplog.text + answer.text


def test_a_gateway_that_stops_answers_who_waits_with_their_job(tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path / "valkey") as redis_url:
        variables = {"SCORELINE_REDIS_URL": redis_url, "SCORELINE_API_PORT": str(port)}
        with running("api", log=tmp_path / "api.log", **variables) as process:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: responds(f"{url}/health/live"), within_s=20, what="the gateway to answer")
            answers: list[httpx2.Response] = []

            def wait() -> None:
                answers.append(httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=50"}, timeout=60))

            waiter = threading.Thread(target=wait)
            waiter.start()
            wait_until(lambda: httpx2.get(f"{url}/v1/jobs").json()["data"], within_s=10, what="the job")
            process.send_signal(signal.SIGTERM)
            waiter.join(10)
            assert (answers[0].status_code, answers[0].json()["state"]) == (202, "queued")
            process.wait(10)


@pytest.mark.parametrize("room", ["run", "notify", "sweep"])
def test_a_worker_a_notifier_and_a_sweep_end_with_0_when_told_to(
    tmp_path: Path, served: tuple[str, str], room: str
) -> None:
    log = tmp_path / "other.log"
    arguments = ["run", "--name", "other"] if room == "run" else [room]
    variables = {"SCORELINE_REDIS_URL": served[1], "SCORELINE_CALLBACK_SECRET": SECRET_TO_SIGN}
    process = start_python("worker", *arguments, log=log, **variables)
    ready = "" if room == "sweep" else " ready."
    wait_until(lambda: log.exists() and ready in log.read_text(), within_s=20, what="it to have started")
    wait_until(lambda: handles_sigterm(process.pid), within_s=20, what="it to listen for SIGTERM")
    process.terminate()
    assert process.wait(20) == 0
    assert "Traceback" not in log.read_text()


def test_a_worker_whose_child_does_not_answer_ends_all_the_same(tmp_path: Path, served: tuple[str, str]) -> None:
    log = tmp_path / "worker.log"
    variables = {"SCORELINE_REDIS_URL": served[1], "SCORELINE_WORKER_PROCESSES": "1"}
    process = start_python("worker", "run", "--name", "other", log=log, **variables)
    # Before that, a child may be a passing one, such as a `uname` of the standard library's.
    wait_until(lambda: handles_sigterm(process.pid), within_s=20, what="it to listen for SIGTERM")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    child = wait_until(lambda: int(children.read_text() or 0), within_s=20, what="its child")
    os.kill(child, signal.SIGSTOP)
    process.terminate()
    assert process.wait(STOP_WITHIN_S + 10) == 0
    assert "cut off" in log.read_text()
    wait_until(lambda: not Path(f"/proc/{child}").exists(), within_s=10, what="its end")


def handles_sigterm(pid: int) -> bool:
    """Whether a process catches SIGTERM itself."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)
