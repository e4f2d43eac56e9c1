"""What `up` prints: what it waits for, where everything is, and which programs ended since."""

import json
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from core.schema.patient import EXAMPLE
from core.settings import host_and_port
from stack.settings import StackSettings
from stack.supervisor import Exit

NO_METRICS = "none: nothing is measured, or the gateway's have no port"
NO_PROMETHEUS = "none: not installed here, its port is taken, or nothing is measured"
KEYS = {
    "off": "off: whoever is on this machine may ask; docs/security.md says how to require them",
    "required": "required: `.venv/bin/python -m api keys create --name NAME` makes one",
}


def say(console: Console, text: str) -> None:
    """Print text as it is: without markup, without colours, and without breaking lines that are meant to be copied.

    What cannot be printed, as into a file on a full disk, is left out.
    """
    with suppress(OSError):
        console.print(text, markup=False, highlight=False, soft_wrap=True)


class Waiting:
    """Shows what is waited for: on a terminal as one line that changes, elsewhere as a new line for each change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("starting") if console.is_terminal else None
        self._started_s = time.monotonic()
        self._shown = ""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the waiting began."""
        return time.monotonic() - self._started_s

    def show(self, obstacle: str) -> None:
        """Show what is waited for."""
        if self._status:
            self._status.update(f"waiting for {obstacle} ({self.elapsed_s:.0f} s)")
        elif obstacle != self._shown:
            say(self._console, f"waiting for {obstacle}")
        self._shown = obstacle

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()


def announce(settings: StackSettings, took_s: float, console: Console) -> None:
    """Print that all is ready, where each part is, and what to try next."""
    port = f"SCORELINE_API_PORT={settings.api_port} " if "api_port" in settings.model_fields_set else ""
    prometheus = f"http://127.0.0.1:{settings.prometheus_port}" if settings.prometheus_starts else NO_PROMETHEUS
    shown = settings.metrics and settings.api_metrics_port
    metrics = (
        f"http://{host_and_port(settings.metrics_host, settings.api_metrics_port)}/metrics" if shown else NO_METRICS
    )
    say(
        console,
        f"""Scoreline is ready ({took_s:.1f} s).

  API         {settings.api_url}
  docs        {settings.api_url}/docs
  Flower      http://127.0.0.1:{settings.flower_port}
  metrics     {metrics}
  Prometheus  {prometheus}
  logs        {shorten(settings.log_folder)}
  keys        {KEYS[settings.api_keys]}

Next, in another terminal:

  {port}make demo
  curl -s {settings.api_url}/api/prediction -H 'Content-Type: application/json' -d '{json.dumps(EXAMPLE)}'

Ctrl-C stops everything and loses nothing.""",
    )


def report(ended: Exit, log: Path, console: Console) -> None:
    """Print that a program ended by itself, and whether it is started again."""
    if ended.final:
        say(console, f"{ended.program} ended too often and is not started again: see {shorten(log)}")
    else:
        say(console, f"{ended.program} ended ({ended.reason}) and is started again")


def shorten(path: Path) -> str:
    """Return the path relative to the working directory if it lies below that, else the whole path."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
