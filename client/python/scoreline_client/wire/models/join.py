from typing import Literal

Join = Literal["ids", "input"]

JOIN_VALUES: set[Join] = {
    "ids",
    "input",
}


def check_join(value: str) -> Join:
    if value in JOIN_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {JOIN_VALUES!r}")
