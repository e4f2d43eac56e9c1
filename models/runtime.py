"""onnxruntime, which tells its maker of its use unless it is told not to as it is loaded. Imported here alone."""

from core.telemetry import switch_off_telemetry

switch_off_telemetry()

import onnxruntime  # noqa: E402 - not before

__all__ = ["onnxruntime"]
