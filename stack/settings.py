"""The stack's settings: those of the installation, and what follows from them on one machine."""

import math
import shutil
from pathlib import Path
from typing import Literal

from pydantic import Field as Describe

from core.settings import Settings, is_loopback

CHECKOUT = Path(__file__).resolve().parent.parent


class StackSettings(Settings):
    """One machine's settings; made by `StackSettings.read`."""

    api_keys: Literal["required", "off"] = Describe(
        default_factory=lambda known: "off" if is_loopback(known.get("api_host", "")) else "required",
        description="As in `Settings`; on a loopback address, who runs all of it on one machine needs no key.",
    )

    @property
    def var_folder(self) -> Path:
        """The folder for data and logs, whole; a relative one lies in the checkout."""
        return CHECKOUT / self.var

    @property
    def log_folder(self) -> Path:
        """The folder with one log for each program."""
        return self.var_folder / "log"

    @property
    def exporter_starts(self) -> bool:
        """Whether celery-exporter is started: `make up` has installed it, and it has a port."""
        return self.metrics and self.exporter_port > 0 and (CHECKOUT / ".venv-exporter" / ".installed").exists()

    @property
    def prometheus_starts(self) -> bool:
        """Whether Prometheus is started: this machine has one, and it has a port."""
        return self.metrics and self.prometheus_port > 0 and shutil.which("prometheus") is not None

    @property
    def stop_wait_s(self) -> int:
        """Seconds that a program has to stop before it is killed: longer than any takes to finish what it has."""
        return math.ceil(max(self.task_limit_s, self.prediction_wait_s)) + 10
