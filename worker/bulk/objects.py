"""The JSON objects of a part, one per line: checks which of them are patients, and writes the scored ones."""

import re
from collections.abc import Iterator

import numpy as np
from pydantic import ConfigDict, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from core.ledger.batch import SCORE_COLUMNS, Form, Join
from core.schema.patient import COLUMNS, Patient, Row
from core.schema.score import Score, score_from_row
from models.scorer import Predictions
from worker.bulk.errors import FaultText, list_first
from worker.bulk.output import Patients, interleave, write_risks
from worker.bulk.rows import Places, Rows, is_utf8

NEXT_OBJECT = re.compile(rb"\}\s*\{")
"""Matches the gap between two objects on one line."""


class SentPatient(Patient):
    """A patient that may have further keys of the sender."""

    model_config = ConfigDict(extra="allow")


def check_objects(rows: Rows, form: Form) -> Patients:
    """Return the patients of lines of JSON."""
    lines = rows.slices(rows.starts, rows.ends)
    places, values, refused = list[int](), list[Row](), list[int]()
    for place, line in enumerate(lines):
        if patient := read_patient(line, form):
            places.append(place)
            values.append(patient.to_row())
        else:
            refused.append(place)
    array = np.array(values, np.float32).reshape(len(values), len(COLUMNS))
    # Parsed once more, and only as far as faults are listed: faults take more memory than values.
    faults = list_first((place, *fault) for place in refused for fault in explain_line(lines[place], form))
    return Patients(np.array(places, np.intp), array, faults)


def read_patient(line: bytes, form: Form) -> Patient | None:
    """Return the patient of a line, or None if anything is wrong with it."""
    try:
        patient = SentPatient.model_validate_json(line)
    except ValidationError:
        return None
    return None if any(check_keys(patient, form)) else patient


def explain_line(line: bytes, form: Form) -> list[FaultText]:
    """Return all that is wrong with a line."""
    try:
        return list(check_keys(SentPatient.model_validate_json(line), form))
    except ValidationError as error:
        if not is_utf8(line):
            return [(None, "not_utf8", "must be UTF-8")]
        return [explain_error(fault, line) for fault in error.errors(include_input=False, include_url=False)]


def explain_error(error: ErrorDetails, line: bytes) -> FaultText:
    """Return our fault for an error that pydantic reports of this line."""
    if error["type"] == "missing":
        return str(error["loc"][0]), "missing", "must be given"
    if error["loc"]:
        return str(error["loc"][0]), error["type"], error["msg"]
    if error["type"] == "json_invalid":
        several = "; it looks like several objects: if curl sent the file, use --data-binary, not -d"
        return None, "not_json", f"must be JSON{several if NEXT_OBJECT.search(line) else ''}"
    return None, "not_an_object", "must be a JSON object"


def check_keys(patient: SentPatient, form: Form) -> Iterator[FaultText]:
    """Yield the faults of the keys that are no fields of a patient; the name in id_column is not repeated."""
    extra = patient.model_extra or {}
    for key in SCORE_COLUMNS:
        if key in extra:
            yield key, "taken", "must not be given: the output has a key of this name"
    if form.join is Join.IDS:
        if form.id_column not in extra:
            yield None, "missing", "must have the key that id_column names"
        elif type(extra[form.id_column]) not in (str, int):
            yield None, "wrong_type", "must have a string or an integer under the key that id_column names"


def write_objects(rows: Rows, places: Places, predictions: Predictions, form: Form, version: str) -> bytes:
    """Return the objects at `places`, each with the scores added before its last brace, or after its id only."""
    lines = rows.slices(rows.starts[places], rows.ends[places])
    heads = [line[: line.rindex(b"}")] for line in lines]
    rests = [line[line.rindex(b"}") + 1 :] for line in lines]
    if form.join is Join.IDS:
        heads = [to_json({form.id_column: from_json(line)[form.id_column]})[:-1] for line in lines]
        rests = [b""] * len(lines)
    tails = [write_tail(score_from_row(version, 0, *kind)) for kind in predictions.kinds]
    endings = [(b"\n", b"\r\n")[crlf] for crlf in rows.crlf[places].tolist()]
    risks = write_risks(predictions.risk, b',"risk":')
    return interleave(heads, risks, map(tails.__getitem__, predictions.kind.tolist()), rests, endings)


def write_tail(score: Score) -> bytes:
    """Return the members of the object that follow the risk, and its closing brace."""
    return b"," + to_json({name: getattr(score, name) for name in SCORE_COLUMNS[1:]})[1:]
