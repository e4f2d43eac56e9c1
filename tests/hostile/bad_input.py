"""Bodies and files that are wrong in ways drawn by chance, always the same, each with texts that must not come back."""

import csv
import gzip
import io
import json
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

from core.schema.patient import COLUMNS, EXAMPLE
from tests.hostile.bodies import FORM, attached

JSON, CSV, JSONL = "application/json", "text/csv", "application/x-ndjson"
SEED = 15


@dataclass(frozen=True, slots=True)
class Bad:
    """A request's body, its headers, and the texts in it that are neither declared names nor anyone's business."""

    kind: str
    body: bytes
    headers: dict[str, str]
    marks: tuple[str, ...]


class Chance:
    """Draws what is wrong, and keeps the marks that it has made for one body."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - no secret
        self.marks: list[str] = []

    def word(self) -> str:
        """Return a word that no one has a name like."""
        return self._mark("Zq" + "".join(self.random.choices(string.ascii_letters + string.digits, k=10)))

    def number(self) -> float:
        """Return a number that stands nowhere else."""
        number = self.random.randrange(10**8, 10**9) / 1000
        self._mark(str(number))
        return number

    def value(self) -> Any:
        """Return a value that no field has."""
        word, number = self.word(), self.number()
        return self.random.choice(
            [word, number, -number, [word], {word: number}, {"value": word}, f"{number}", [[number]]]
        )

    def name(self) -> str:
        """Return the name of a field."""
        return self.random.choice(list(EXAMPLE))

    def patient(self) -> dict[str, Any]:
        """Return a patient with something wrong in it."""
        patient: dict[str, Any] = dict(EXAMPLE)
        for _ in range(self.random.randint(1, 3)):
            match self.random.randrange(4):
                case 0:
                    patient[self.name()] = self.value()
                case 1:
                    patient[self.word()] = self.value()
                case 2:
                    patient.pop(self.name(), None)
                    patient[self.word()] = self.number()
                case _:
                    patient[str(self.number())] = self.value()
        return patient

    def _mark(self, text: str) -> str:
        self.marks.append(text)
        return text


def one_patient(chance: Chance) -> tuple[bytes, str]:
    """Return a patient with something wrong in it."""
    return json.dumps(chance.patient()).encode(), JSON


def many_patients(chance: Chance) -> tuple[bytes, str]:
    """Return some patients with something wrong, in a body that may be wrong besides."""
    patients = [chance.patient() for _ in range(chance.random.randint(1, 5))]
    body: Any = chance.random.choice(
        [{"patients": patients}, patients, {chance.word(): patients}, {"patients": chance.value()}]
    )
    return json.dumps(body).encode(), JSON


def cut_short(chance: Chance) -> tuple[bytes, str]:
    """Return the beginning of a body."""
    body, type = many_patients(chance)
    return body[: chance.random.randrange(len(body))], type


def spoiled(chance: Chance) -> tuple[bytes, str]:
    """Return a body some of whose bytes are others."""
    body, type = one_patient(chance)
    changed = bytearray(body)
    for _ in range(chance.random.randint(1, 20)):
        changed[chance.random.randrange(len(changed))] = chance.random.randrange(256)
    return bytes(changed), type


def named_twice(chance: Chance) -> tuple[bytes, str]:
    """Return a body in which names stand twice."""
    name, word = chance.name(), chance.word()
    return f'{{"{name}": "{word}", "{name}": {chance.number()}, "{word}": 1, "{word}": 2}}'.encode(), JSON


def other_type(chance: Chance) -> tuple[bytes, str]:
    """Return a body of another kind than is taken."""
    fields = f"{chance.word()}={chance.number()}&{chance.name()}={chance.word()}"
    types = [
        JSON,
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/yaml",
        FORM,
        "application/json; charset=x",
    ]
    return fields.encode(), chance.random.choice(types)


def table(chance: Chance, head: Sequence[str], rows: int = 4) -> str:
    """Return a CSV with that header row and rows of marks."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    for _ in range(rows):
        writer.writerow([chance.word() if chance.random.random() < 0.5 else chance.number() for _ in head])
    return text.getvalue()


def rows_of_nonsense(chance: Chance) -> tuple[bytes, str]:
    """Return a file whose header is right and whose rows are not."""
    return table(chance, COLUMNS).encode(), CSV


def header_of_values(chance: Chance) -> tuple[bytes, str]:
    """Return a file without a header row: values stand in its place."""
    return table(chance, [str(chance.number()) for _ in COLUMNS]).encode(), CSV


def one_line(chance: Chance) -> tuple[bytes, str]:
    """Return a file whose line ends were stripped on the way, as `curl -d @file` does."""
    return table(chance, [*COLUMNS, chance.word()]).replace("\r\n", "").encode(), CSV


def doubled_columns(chance: Chance) -> tuple[bytes, str]:
    """Return a file with columns that stand twice, or are called what we call ours."""
    word = chance.word()
    return table(chance, [*COLUMNS, word, word, chance.random.choice(["risk", "prediction", word])]).encode(), CSV


def ragged(chance: Chance) -> tuple[bytes, str]:
    """Return a file with rows that are too short, too long, or never end."""
    lines = table(chance, COLUMNS).splitlines()
    lines[2] += f",{chance.word()}" * chance.random.randint(1, 5)
    lines[3] = lines[3][: chance.random.randrange(10)]
    lines.append(f'"{chance.word()}')
    return "\n".join(lines).encode(), CSV


def other_lines(chance: Chance) -> tuple[bytes, str]:
    """Return JSON Lines that are wrong in all the ways of single bodies."""
    kinds = (one_patient, many_patients, cut_short, named_twice)
    return b"\n".join(chance.random.choice(kinds)(chance)[0] for _ in range(6)), JSONL


def in_a_form(chance: Chance) -> tuple[bytes, str]:
    """Return a form that is wrong somewhere, with a file in it."""
    content = attached(f"{chance.word()}.{chance.random.choice(['csv', 'xls', 'csv.gz'])}", rows_of_nonsense(chance)[0])
    return content[: chance.random.randrange(len(content) // 2, len(content) + 1)], FORM


Make = Callable[[Chance], tuple[bytes, str]]
"""Makes a body and says its type."""

BODIES: list[Make] = [one_patient, many_patients, cut_short, spoiled, named_twice, other_type]
FILES: list[Make] = [rows_of_nonsense, header_of_values, one_line, doubled_columns, ragged, other_lines, in_a_form]


def bad_bodies(count: int) -> Iterator[Bad]:
    """Yield so many bodies of submits."""
    yield from islice(drawn(BODIES), count)


def bad_files(count: int) -> Iterator[Bad]:
    """Yield so many files: some packed, and some of those cut short."""
    for number, bad in enumerate(islice(drawn(FILES), count)):
        if number % 5 == 4:
            packed = gzip.compress(bad.body)
            body = packed[: len(packed) // 2] if number % 2 else packed
            yield Bad(bad.kind, body, {**bad.headers, "Content-Encoding": "gzip"}, bad.marks)
        else:
            yield bad


def drawn(kinds: Sequence[Make]) -> Iterator[Bad]:
    """Yield bodies of these kinds in turn, without an end."""
    chance = Chance(SEED)
    while True:
        for make in kinds:
            chance.marks = []
            body, type = make(chance)
            yield Bad(make.__name__, body, {"Content-Type": type}, tuple(chance.marks))
