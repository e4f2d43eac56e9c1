from typing import Literal

OnError = Literal["fail", "skip"]

ON_ERROR_VALUES: set[OnError] = {
    "fail",
    "skip",
}


def check_on_error(value: str) -> OnError:
    if value in ON_ERROR_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ON_ERROR_VALUES!r}")
