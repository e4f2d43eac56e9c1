"""A stack in containers for tests: a project of its own, on free ports of loopback, taken down with all it kept."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.local.programs import ROOT, free_port
from core.ledger.key import make_key
from tests.guarded import ROLES
from tests.receiver import SECRET

GRAFANA = "grafana/"
BUILT_WITHIN_S = 600
HEALTHY_WITHIN_S = 300
GONE_WITHIN_S = 120
FETCH = "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=30).read())"
LOGIN = ("operator", "e2e")
KEY = make_key()[2]
SHOWN = {"Authorization": f"Bearer {KEY}"}
BEGAN_S = time.monotonic()


def say(what: str) -> None:
    """Tell whoever waits what is done."""
    print(f"e2e {time.monotonic() - BEGAN_S:4.0f} s: {what}", flush=True)


class Stack:
    """`docker compose` with a project of its own; to be taken down in any case."""

    def __init__(self, folder: Path) -> None:
        self.port, self.flower_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "compose.log"
        self._scale = {"worker": 3, "worker-bulk": 2}
        self._command = ["docker", "compose", "--project-name", f"scoreline-e2e-{os.getpid()}"]
        self._command += ["--file", str(ROOT / "docker-compose.yml"), "--env-file", os.devnull]
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SCORELINE_")},
            **{f"REDIS_{role.upper()}_PASSWORD": f"e2e-{role}" for role in ROLES},
            "FLOWER_BASIC_AUTH": ":".join(LOGIN),
            "GRAFANA_USER": LOGIN[0],
            "GRAFANA_PASSWORD": LOGIN[1],
            "SCORELINE_API_KEY": KEY,
            "SCORELINE_CALLBACK_SECRET": SECRET,
            "SCORELINE_API_PORT": str(self.port),
            "SCORELINE_FLOWER_PORT": str(self.flower_port),
            "GRAFANA_PORT": str(free_port()),
            "MLFLOW_PORT": str(free_port()),
            "COMPOSE_PROFILES": "callbacks",
            "TAG": "e2e",
        }

    def build(self) -> None:
        """Build our images and pull the others; leave out Grafana where its own cannot be had."""
        self.compose("build", within_s=BUILT_WITHIN_S)
        images = {image for image in self.compose("config", "--images").split() if not image.startswith("scoreline-")}
        missing = {image for image in images if not can_have(image)}
        assert all(image.startswith(GRAFANA) for image in missing), f"cannot be had: {missing}"
        for image in missing:
            say(f"{image} cannot be had: the stack is started without it")
            self._scale["grafana"] = 0

    def up(self) -> None:
        """Start whatever does not run, and return when all of it is healthy."""
        scale = [f"--scale={service}={count}" for service, count in self._scale.items()]
        wait = ["--wait", f"--wait-timeout={HEALTHY_WITHIN_S}"]
        self.compose(
            "up",
            "--detach",
            "--no-build",
            "--pull=never",
            "--no-recreate",
            *wait,
            *scale,
            within_s=HEALTHY_WITHIN_S + 60,
        )

    def down(self) -> None:
        """Remove containers, networks and volumes."""
        self.compose("--profile=*", "down", "--volumes", "--timeout=5", within_s=GONE_WITHIN_S)

    def compose(self, *arguments: str, within_s: float = 60) -> str:
        """Return what `docker compose` prints on its standard output. Raises AssertionError if it fails."""
        with self._log.open("a+") as log:
            command = [*self._command, *arguments]
            done = subprocess.run(
                command, env=self._environment, stdout=subprocess.PIPE, stderr=log, text=True, timeout=within_s
            )
            if done.returncode:
                log.seek(0)
                raise AssertionError(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}{log.read()[-4000:]}")
        return done.stdout

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's running containers."""
        return self.compose("ps", "--quiet", service).split()

    def services(self) -> set[str]:
        """Return the names of all services that run."""
        return set(self.compose("ps", "--services").split())

    def run_in(self, service: str, *command: str) -> str:
        """Return what a command prints in one of a service's containers. Raises AssertionError if it fails."""
        return self.compose("exec", "--no-TTY", service, *command)

    def ask_prometheus(self, path: str) -> Any:
        """Return what Prometheus answers, which can be asked from inside only."""
        answer = self.run_in("api", "python", "-c", FETCH, f"http://prometheus:9090/api/v1/{path}")
        return json.loads(answer)["data"]


def engine(*arguments: str) -> str:
    """Return what `docker` prints. Raises CalledProcessError if it fails."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


def can_have(image: str) -> bool:
    """Whether the image is here, or can be pulled."""
    try:
        engine("image", "inspect", image)
    except subprocess.CalledProcessError:
        return subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, timeout=300).returncode == 0
    return True
