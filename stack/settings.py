"""The stack's settings: those of every program, and what follows from them on one machine."""

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
        description="As in `Settings`; by default, no key is needed where the gateway listens on a loopback address.",
    )

    @property
    def var_folder(self) -> Path:
        """The absolute path of the folder for data and logs; a relative one starts at the checkout."""
        return CHECKOUT / self.var

    @property
    def log_folder(self) -> Path:
        """The folder with one log for each program."""
        return self.var_folder / "log"

    @property
    def exporter_starts(self) -> bool:
        """Whether celery-exporter is started: metrics are on, `make up` has installed it, and it has a port."""
        return self.metrics and self.exporter_port > 0 and (CHECKOUT / ".venv-exporter" / ".installed").exists()

    @property
    def prometheus_starts(self) -> bool:
        """Whether Prometheus is started: metrics are on, it is installed on this machine, and it has a port."""
        return self.metrics and self.prometheus_port > 0 and shutil.which("prometheus") is not None

    @property
    def stop_wait_s(self) -> int:
        """Seconds that a program has to stop before it is killed: more than any needs to finish the work in hand."""
        return math.ceil(max(self.task_limit_s, self.prediction_wait_s)) + 10
