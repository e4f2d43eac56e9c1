"""The files that are uploaded, and to the byte what must come of each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from gzip import compress
from random import Random

from core.ledger.batch import SCORE_COLUMNS, SEVERAL
from core.schema.patient import COLUMNS, Patient
from core.schema.score import Score, score_from_row
from core.settings import Settings
from models.features import to_matrix
from models.scorer import Scorer
from tests.faults.cohort import POISON, patients
from tests.faults.gated import STOPPING

KINDS = 499  # different patients
BAD_EVERY, BAD_AT = 97, 13
STOPS_EVERY, STOPS_AT = 500, 250
BAD_AGE = 17  # below the least that `Patient` takes
BAD, DEADLY, STOPS = -1, -2, -3  # kinds of patients besides those that are numbered
MARKS: dict[int, dict[str, float]] = {BAD: {"age": BAD_AGE}, DEADLY: POISON, STOPS: STOPPING}
NAMES = ("id", *COLUMNS, "note")
# Notes are cut out of it; it cannot be packed to less than half.
NOISE = Random(97).randbytes(1 << 19).hex()  # noqa: S311 - no secret

Fault = tuple[int, str | None, str]
"""What a line of errors says: line, column, code."""


@dataclass(frozen=True, slots=True)
class File:
    """One file: `rows` rows whose ids begin with `name`, each with a note of so many bytes.

    Every 97th row is refused. Of a file that `stops`, every 500th has a worker stop at its gate if that is armed. The
    last of one that is poisoned kills whoever scores it.
    """

    name: str
    rows: int
    note_bytes: int = 0
    is_jsonl: bool = False
    is_packed: bool = False
    stops: bool = False
    is_poisoned: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers that it is uploaded with."""
        packed = {"Content-Encoding": "gzip"} if self.is_packed else {}
        return {"Content-Type": "application/x-ndjson" if self.is_jsonl else "text/csv", **packed}

    @property
    def head(self) -> bytes:
        """What its results begin with."""
        return b"" if self.is_jsonl else ",".join((*NAMES, *SCORE_COLUMNS)).encode() + b"\n"

    @property
    def content(self) -> bytes:
        """The body of its upload."""
        head = b"" if self.is_jsonl else ",".join(NAMES).encode() + b"\n"
        body = head + b"".join(row for row, _ in self.lines())
        return compress(body, 1) if self.is_packed else body

    @property
    def faults(self) -> list[Fault]:
        """What its errors must say, in their order."""
        return [
            (number + (1 if self.is_jsonl else 2), "age", "out_of_bounds")
            for number in range(BAD_AT, self.rows, BAD_EVERY)
        ]

    def lines(self) -> Iterator[tuple[bytes, bytes]]:
        """Give each row as it is sent, and as it must come back; a bad one comes back as nothing."""
        for number in range(self.rows):
            start, end = make_row(self._kind(number), self.is_jsonl)
            at = number * 61 % (len(NOISE) - self.note_bytes)
            row = b"%s%s-%d%s%s%s" % (
                b'{"id":"' if self.is_jsonl else b"",
                self.name.encode(),
                number,
                start,
                NOISE[at : at + self.note_bytes].encode(),
                end,
            )
            score = score_of(self._kind(number), self.is_jsonl)
            stem = row[:-2] if self.is_jsonl else row[:-1]
            yield row, stem + score if score else b""

    def _kind(self, number: int) -> int:
        if number % BAD_EVERY == BAD_AT:
            return BAD
        if self.is_poisoned and number == self.rows - 1:
            return DEADLY
        return STOPS if self.stops and number % STOPS_EVERY == STOPS_AT else number % KINDS


@lru_cache(maxsize=12)
def results_of(file: File) -> bytes:
    """Return the results that a file must have, byte for byte."""
    return file.head + b"".join(back for _, back in file.lines())


@cache
def make_row(kind: int, is_jsonl: bool) -> tuple[bytes, bytes]:
    """Return what stands between a row's id and its note, and after that."""
    patient = patient_of(kind)
    if is_jsonl:
        return f'",{json.dumps(patient)[1:-1]},"note":"'.encode(), b'"}\n'
    return "".join(f",{patient.get(name, '')}" for name in COLUMNS).encode() + b",", b"\n"


@cache
def score_of(kind: int, is_jsonl: bool) -> bytes:
    """Return what must be added to a row: the score that its patient gets alone. Nothing for one that is refused."""
    if kind == BAD:
        return b""
    score = score_alone(kind)
    if is_jsonl:
        added = json.dumps({name: getattr(score, name) for name in SCORE_COLUMNS}, separators=(",", ":"))
        return f",{added[1:]}\n".encode()
    sets = (SEVERAL.join(words) for words in (score.conformal, score.warnings))
    return ",".join(("", str(score.risk), score.prediction, *sets, score.model_version)).encode() + b"\n"


def patient_of(kind: int) -> dict[str, float]:
    """Return a patient of that kind."""
    return patients(max(kind, 0))[0] | MARKS.get(kind, {})


def score_alone(kind: int) -> Score:
    """Return the score that the released model gives the patient, alone."""
    scorer = _scorer()
    row = scorer.score(to_matrix([Patient.model_validate(patient_of(kind)).to_row()]))[0]
    return score_from_row(scorer.version, *row)


@cache
def _scorer() -> Scorer:
    return Scorer.load(Settings().bundle)
