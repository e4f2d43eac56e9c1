"""Imports onnxruntime with its telemetry switched off. No other module imports it."""

from core.telemetry import switch_off_telemetry

switch_off_telemetry()

import onnxruntime  # noqa: E402 - it reads the variables when it is imported

__all__ = ["onnxruntime"]
