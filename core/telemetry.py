"""Telemetry of libraries, which tell their makers of their use unless they are told not to before they are imported."""

import os

OFF = {"ORT_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
"""Variables that switch it off: of onnxruntime (1.32), whose own function does not; of MLflow (3.17); and of whatever
else goes by https://consoledonottrack.com. Dockerfile, docker-compose.yml and training/start_mlflow.sh set them too.
"""


def switch_off_telemetry() -> None:
    """Have no library that is imported from now on, and no program that is started, tell anyone of its use."""
    os.environ.update(OFF)
