"""What is heard of jobs or batches as it happens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """What was heard of some jobs: that they have ended or were erased, or else that they have begun.

    `answers` are those that came along, ready made; all of the same jobs is heard once more, right after, without.
    """

    ended: bool
    ids: list[str]
    answers: Mapping[str, T] = field(default_factory=dict)
