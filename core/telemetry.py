"""Telemetry of libraries, which report their use to their makers unless it is switched off before they are imported."""

import os

OFF = {"ORT_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
"""Variables that switch it off: for onnxruntime (1.32), whose own function does not; for MLflow (3.17); and for all
that respects https://consoledonottrack.com. Dockerfile, docker-compose.yml and training/start_mlflow.sh set them too.
"""


def switch_off_telemetry() -> None:
    """Switch telemetry off for libraries that are imported, and programs that are started, from now on."""
    os.environ.update(OFF)
