from typing import Literal

Format = Literal["csv", "jsonl", "parquet"]

FORMAT_VALUES: set[Format] = {
    "csv",
    "jsonl",
    "parquet",
}


def check_format(value: str) -> Format:
    if value in FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FORMAT_VALUES!r}")
