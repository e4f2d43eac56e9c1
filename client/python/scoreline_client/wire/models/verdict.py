from typing import Literal

Verdict = Literal["drifting", "stable", "too few patients"]

VERDICT_VALUES: set[Verdict] = {
    "drifting",
    "stable",
    "too few patients",
}


def check_verdict(value: str) -> Verdict:
    if value in VERDICT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {VERDICT_VALUES!r}")
