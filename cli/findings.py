"""What doctor finds."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(NamedTuple):
    """What was found, and what to do about it unless it is well."""

    check: str
    verdict: Verdict
    found: str
    do: str = ""
