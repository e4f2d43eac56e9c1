from typing import Literal

State = Literal["canceled", "expired", "failed", "queued", "running", "succeeded"]

STATE_VALUES: set[State] = {
    "canceled",
    "expired",
    "failed",
    "queued",
    "running",
    "succeeded",
}


def check_state(value: str) -> State:
    if value in STATE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STATE_VALUES!r}")
