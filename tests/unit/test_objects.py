"""A part of JSON objects, one a line, scored by age."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from core.ledger.batch import SCORE_COLUMNS, Join
from core.schema.patient import COLUMNS, EXAMPLE, Patient
from tests.files import EXAMPLES, JSONL, faults, score, told

SCORE = {
    "risk": 0.283333333,
    "prediction": "no disease",
    "conformal": ["disease", "no disease"],
    "warnings": [],
    "model_version": "by-age",
}
SEVERAL = "; it looks like several objects: if curl sent the file, use --data-binary, not -d"
TAIL = to_json(SCORE)[1:]
IDS = replace(JSONL, join=Join.IDS, id_column="id")
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


def row(**changes: object) -> bytes:
    """Return the example patient as a line, with changes."""
    return to_json(EXAMPLE | changes) + b"\n"


@settings(max_examples=EXAMPLES)
@given(
    st.fixed_dictionaries({}, optional={name: st.integers(0, 9) | JSON for name in COLUMNS}),
    st.sets(st.sampled_from(COLUMNS), max_size=2),
    st.dictionaries(st.text().filter(lambda key: key not in SCORE_COLUMNS and key not in COLUMNS), JSON, max_size=3),
)
def test_an_object_is_checked_as_a_patient_is_and_all_else_in_it_is_let_through(
    changes: dict[str, Any], lacking: set[str], extra: dict[str, Any]
) -> None:
    patient = {name: value for name, value in (EXAMPLE | changes).items() if name not in lacking}
    sent = to_json(patient | extra, inf_nan_mode="constants")
    scored = score(sent + b"\n", JSONL, first_line=7)
    try:
        age = Patient.model_validate(patient).age
    except ValidationError as error:
        missing = {"missing": "must be given"}
        wrong = [(7, one["loc"][0], one["type"], missing.get(one["type"], one["msg"])) for one in error.errors()]
        assert told(scored) == wrong
        assert scored.output == b""
    else:
        assert scored.errors == b""
        assert scored.output.startswith(sent[:-1] + b',"risk":')
        assert from_json(scored.output)["risk"] == round(float(np.float32(age)) / 120, 9)


def test_every_byte_of_an_object_comes_back() -> None:
    line = b' {"n\\u0061me": "\\ud83d\\ude00 }", "big": 123456789012345678901234567890, "f": 1.50,  %b } \t'
    line %= row()[1:-2]
    head, rest = line[: line.rindex(b"}")], b"} \t"
    assert score(line + b"\r\n\r\n" + line, JSONL).output == b"".join(
        head + b"," + TAIL[:-1] + rest + ending for ending in (b"\r\n", b"\n")
    )


def test_the_added_keys_are_those_of_a_score() -> None:
    [line] = score(row(age=110), JSONL).output.splitlines()
    assert from_json(line) == EXAMPLE | {"age": 110} | SCORE | {
        "risk": 0.916666667,
        "prediction": "disease",
        "conformal": ["disease"],
        "warnings": ["extrapolating: age", 'extrapolating: all; "more"'],
    }
    assert tuple(from_json(line))[-len(SCORE_COLUMNS) :] == SCORE_COLUMNS


@pytest.mark.parametrize("id", ["a", 'é"\n', 7, -(2**70)])
def test_the_ids_alone_come_back_where_that_is_asked_for(id: str | int) -> None:
    assert score(row(id=id) + row(id=id), IDS).output == (to_json({"id": id})[:-1] + b"," + TAIL + b"\n") * 2


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"{\n", (None, "not_json", "must be JSON")),
        (row()[:-2] + b"\n", (None, "not_json", "must be JSON")),
        (row()[:-1] + row(), (None, "not_json", f"must be JSON{SEVERAL}")),
        (row()[:-1] + b" " + row(), (None, "not_json", f"must be JSON{SEVERAL}")),
        (row()[:-1] + b",\n", (None, "not_json", "must be JSON")),
        (b" \n", (None, "not_json", "must be JSON")),
        (b"\0\n", (None, "not_json", "must be JSON")),
        (row(name="\0").replace(b"\\u0000", b"\0"), (None, "not_json", "must be JSON")),
        (b"[" * 10_000 + b"\n", (None, "not_json", "must be JSON")),
        (row(name="?").replace(b"?", b"\xff"), (None, "not_utf8", "must be UTF-8")),
        (b"\xff\n", (None, "not_utf8", "must be UTF-8")),
        (b"[34, 0]\n", (None, "not_an_object", "must be a JSON object")),
        (b"null\n", (None, "not_an_object", "must be a JSON object")),
        (b'"{}"\n', (None, "not_an_object", "must be a JSON object")),
        (row(risk=0.5), ("risk", "taken", "must not be given: the output has a key of this name")),
        (
            row(name="?").replace(b"name", b"\\u0072isk"),
            ("risk", "taken", "must not be given: the output has a key of this name"),
        ),
    ],
)
def test_one_bad_line_does_not_harm_its_neighbours(line: bytes, error: tuple[str | None, str, str]) -> None:
    scored = score(row() + line + row(age=None) + row(), JSONL)
    assert scored.output == (row()[:-2] + b"," + TAIL + b"\n") * 2
    assert told(scored)[0] == (3, *error)
    assert faults(scored)[1:] == [(4, "age", "null")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, "missing"), ({"id": None}, "wrong_type"), ({"id": True}, "wrong_type"), ({"id": 1.5}, "wrong_type")],
)
def test_a_line_whose_id_is_asked_for_must_have_one(changes: dict[str, object], code: str) -> None:
    assert faults(score(row(**changes), IDS)) == [(2, None, code)]
    assert score(row(**changes), JSONL).scored == 1


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    """As in a body that is sent to be scored at once."""
    line = row(age=17)[:-2] + b',"age":34}\n'
    assert score(line, JSONL).output == line[:-2] + b"," + TAIL + b"\n"


def test_no_error_shows_a_value() -> None:
    secret = row(age=54321, sex="54321", chol=[54321], risk=54321) + b'{"54321":\n' + b'"54321"\n' + b"54321\xff\n"
    scored = score(secret + row(**{"54321": 1, "age": "54321"}), JSONL)
    assert scored.rejected == 5
    assert b"4321" not in scored.errors


def test_faults_beyond_measure_are_counted_and_no_longer_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.bulk.errors.LISTED", 3)
    scored = score(b"{\n" * 6 + row(), JSONL)
    assert (scored.rejected, scored.scored) == (6, 1)
    assert faults(scored) == [
        (2, None, "not_json"),
        (3, None, "not_json"),
        (4, None, "not_json"),
        (5, None, "unlisted"),
    ]
