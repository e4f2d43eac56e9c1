"""The answer about a job, as JSON: the same bytes as the model's own dump, but its scores are made as they are sent.

The ledger keeps scores as compact rows, which are half as large as their JSON, and a fifth of what they are as objects.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from core.ledger.job import Job
from core.schema.score import Score, ScoreRow, scores_from_rows

READY_SCORES = 64
"""Up to so many scores are made at once, some 28 KB and 0.5 ms where they are explained; of more, so many at a time."""

NO_SCORES = b'"scores":null'
SCORES = TypeAdapter(list[Score])

NESTED_AT_MOST = 3  # lists in a row: those of an explanation
TEXT = rb'"(?:[^"\\]++|\\.)*+"'


def _list_of(depth: int) -> bytes:
    inner = b"|" + _list_of(depth - 1) if depth else b""
    return rb'\[(?:[^\[\]"]++|%b%b)*+\]' % (TEXT, inner)


SOME_ROWS = re.compile(rb"(?:%b[,\]]){1,%d}+" % (_list_of(NESTED_AT_MOST), READY_SCORES), re.DOTALL)
"""The next rows in the JSON of all of them, each with what follows it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered about a job: the job, but for its scores, and these apart.

    `scores` are the JSON of those of a job with up to `READY_SCORES`, or None where there are none. Those of a larger
    job are made of its rows, which the ledger gives by themselves: `rows_bytes` is their size, 0 where there are none.
    """

    job: Job
    scores: bytes | None = None
    model_version: str = ""
    rows_bytes: int = 0

    def to_json(self) -> bytes:
        """Return the whole answer; of a larger job, the one without its scores."""
        text = self.job.model_dump_json().encode()
        return text if self.scores is None else text.replace(NO_SCORES, b'"scores":' + self.scores, 1)

    def to_job(self) -> Job:
        """Return the job with its scores; of a larger job, without."""
        return self.job.model_copy(update={"scores": self.scores and SCORES.validate_json(self.scores)})

    def pieces(self, rows: bytes) -> Iterator[bytes]:
        """Yield the answer piece by piece, of a job with these rows, the JSON of all of them.

        A piece holds up to `READY_SCORES` scores and takes less than a millisecond to make.
        """
        head, _, tail = self.job.model_dump_json().encode().partition(NO_SCORES)
        before = head + b'"scores":['
        for some in cut_rows(rows):
            yield before + render_scores(some, self.model_version)[1:-1]
            before = b","
        yield b"]" + tail


def cut_rows(rows: bytes) -> Iterator[list[ScoreRow]]:
    """Yield up to `READY_SCORES` rows at a time of the JSON of at least one. Raises ValueError for anything else."""
    start = 1
    while start < len(rows):
        found = SOME_ROWS.match(rows, start)
        if found is None:
            raise ValueError("the rows of a job's scores cannot be read")
        yield from_json(b"[%b]" % rows[start : found.end() - 1])
        start = found.end()


def render_scores(rows: Sequence[ScoreRow], model_version: str) -> bytes:
    """Return the JSON of the scores that these rows stand for."""
    return to_json(scores_from_rows(rows, model_version))
