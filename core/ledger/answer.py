"""The answer about a job, as JSON: the same bytes as `Job.model_dump_json`, but scores are rendered while it is sent.

The ledger stores scores as compact rows: half the size of their JSON, and a fifth of their size as objects.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from core.ledger.job import Job
from core.schema.score import Score, ScoreRow, scores_from_rows

READY_SCORES = 64
"""How many scores are rendered at once: some 28 KB and 0.5 ms if they are explained."""

NO_SCORES = b'"scores":null'
SCORES = TypeAdapter(list[Score])

NESTED_AT_MOST = 3  # lists in a row: those of an explanation
TEXT = rb'"(?:[^"\\]++|\\.)*+"'


def _list_of(depth: int) -> bytes:
    inner = b"|" + _list_of(depth - 1) if depth else b""
    return rb'\[(?:[^\[\]"]++|%b%b)*+\]' % (TEXT, inner)


SOME_ROWS = re.compile(rb"(?:%b[,\]]){1,%d}+" % (_list_of(NESTED_AT_MOST), READY_SCORES), re.DOTALL)
"""Matches the next rows in the JSON of all of them, each with the separator behind it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer about a job: the job without its scores, and the scores apart.

    `scores` is the JSON of the scores of a job with up to `READY_SCORES`, or None if there are none. The scores of a
    larger job are rendered from its rows, which `Ledger.rows` returns: `rows_bytes` is their size, 0 if there are none.
    """

    job: Job
    scores: bytes | None = None
    model_version: str = ""
    rows_bytes: int = 0

    def to_json(self) -> bytes:
        """Return the whole answer; for a larger job, the answer without its scores."""
        text = self.job.model_dump_json().encode()
        return text if self.scores is None else text.replace(NO_SCORES, b'"scores":' + self.scores, 1)

    def to_job(self) -> Job:
        """Return the job with its scores; a larger job without them."""
        return self.job.model_copy(update={"scores": self.scores and SCORES.validate_json(self.scores)})

    def pieces(self, rows: bytes) -> Iterator[bytes]:
        """Yield the answer about a job whose rows, as JSON, are `rows`, in pieces.

        A piece holds up to `READY_SCORES` scores and takes less than a millisecond to render.
        """
        head, _, tail = self.job.model_dump_json().encode().partition(NO_SCORES)
        before = head + b'"scores":['
        for some in cut_rows(rows):
            yield before + render_scores(some, self.model_version)[1:-1]
            before = b","
        yield b"]" + tail


def cut_rows(rows: bytes) -> Iterator[list[ScoreRow]]:
    """Yield up to `READY_SCORES` rows at a time of the JSON of one or more rows. Raises ValueError if it is none."""
    start = 1
    while start < len(rows):
        found = SOME_ROWS.match(rows, start)
        if found is None:
            raise ValueError("the rows of a job's scores cannot be read")
        yield from_json(b"[%b]" % rows[start : found.end() - 1])
        start = found.end()


def render_scores(rows: Sequence[ScoreRow], model_version: str) -> bytes:
    """Return the JSON of the scores of these rows."""
    return to_json(scores_from_rows(rows, model_version))
