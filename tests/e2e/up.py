"""A house that an operator would start, for tests: on ports of its own, with data and logs of its own."""

import subprocess
import sys
from pathlib import Path

import httpx2

from bench.local.conditions import wait_until
from bench.local.programs import free_port, start
from core.schema.patient import EXAMPLE
from stack.supervisor import end_session, list_members
from tests.receiver import SECRET

READY_WITHIN_S = 60
GONE_WITHIN_S = 40
METERED = ("API", "WORKER", "BULK", "SWEEP", "NOTIFY")


class Up:
    """`python -m stack up`, started and stopped as often as a test likes; to be ended in any case.

    What it says goes into `folder`, and its data and logs too, unless `var` is elsewhere.
    """

    def __init__(self, folder: Path, var: Path | None = None) -> None:
        self.var = var or folder / "var"
        self.session = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._out = folder / "out"
        port, flower_port, valkey_port = free_port(), free_port(), free_port()
        exporter_port, prometheus_port = free_port(), free_port()
        self.exporter_url, self.prometheus_url = (f"http://127.0.0.1:{n}" for n in (exporter_port, prometheus_port))
        self.url, self.flower_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{flower_port}"
        self.variables = {
            "SCORELINE_API_PORT": str(port),
            "SCORELINE_FLOWER_PORT": str(flower_port),
            "SCORELINE_VALKEY_PORT": str(valkey_port),
            "SCORELINE_EXPORTER_PORT": str(exporter_port),
            "SCORELINE_PROMETHEUS_PORT": str(prometheus_port),
            **{f"SCORELINE_{name}_METRICS_PORT": str(free_port()) for name in METERED},
            "SCORELINE_VAR": str(self.var),
            "SCORELINE_CALLBACK_SECRET": SECRET,
            "SCORELINE_PREDICTION_WAIT_S": "1",  # what may take no longer than this has less time to stop
            "SCORELINE_TASK_LIMIT_S": "1",
        }

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start it, by `command` if there is one; return the process once it has said that it is ready."""
        self._out.unlink(missing_ok=True)
        self._process = start(*(command or (sys.executable, "-m", "stack", "up")), log=self._out, **self.variables)
        wait_until(
            lambda: "is ready" in self.said() or self.process.poll() is not None, within_s=READY_WITHIN_S, what="`up`"
        )
        assert "is ready" in self.said(), self.said()
        self.session = int((self.var / "supervisord.pid").read_text())
        return self._process

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process
        return self._process

    def runs(self) -> bool:
        """Whether it runs, as far as is known without asking it."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """Return what it has printed since it was started."""
        return self._out.read_text() if self._out.exists() else ""

    def submit(self, patients: int) -> str:
        """Submit the example patient so many times as one job, and return the job's URL."""
        answer = httpx2.post(f"{self.url}/v1/jobs", json={"patients": [EXAMPLE] * patients})
        assert answer.status_code == 202
        return self.url + answer.headers["Location"]

    def wait_until_gone(self) -> None:
        """Wait until no process that it started is left."""
        wait_until(lambda: not list_members(self.session), within_s=GONE_WITHIN_S, what="every process to be gone")

    def end(self) -> None:
        """End whatever is left of it."""
        if self._process:
            self._process.kill()
            self._process.wait()
        if self.session:
            end_session(self.session, patience_s=0)
