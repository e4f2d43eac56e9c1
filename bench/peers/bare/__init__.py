"""The floor: HTTP and the check of a patient, and nothing behind them."""
