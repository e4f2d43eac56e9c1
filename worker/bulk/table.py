"""The rows of a CSV: checks which of them are patients, and writes the scored ones."""

from collections.abc import Iterator
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from core.ledger.batch import SEVERAL, Form, Join
from core.schema.patient import COLUMNS, fields_of_patient
from core.schema.score import Score, score_from_row
from core.table.cell import quote
from models.scorer import Predictions
from worker.bulk.check import REFUSED, EightBytes, check_column, explain_cell
from worker.bulk.errors import Fault, list_first
from worker.bulk.output import Patients, interleave, write_risks
from worker.bulk.rows import REASONS, Places, Rows, refuse_rows


def check_table(rows: Rows, form: Form) -> Patients:
    """Return the patients of a CSV; a field that has no column is missing."""
    width, words = len(form.columns), EightBytes(rows.data)
    reasons = refuse_rows(rows, width)
    whole = np.flatnonzero(reasons == 0)
    values = np.full((len(COLUMNS), len(whole)), np.nan, np.float32)
    for value, (name, field) in zip(values, fields_of_patient().items(), strict=True):
        if name in form.columns:
            starts, ends = rows.cells(form.columns.index(name), width, whole)
            value[:] = check_column(rows, words, starts, ends, field)
    good = ~(values == REFUSED).any(axis=0)
    reasons[whole[~good]] = len(REASONS)
    faults = list_first(explain_rows(rows, form, np.flatnonzero(reasons), reasons))
    return Patients(whole[good], values.compress(good, axis=1).T, faults)


def explain_rows(rows: Rows, form: Form, places: Places, reasons: NDArray[np.uint8]) -> Iterator[Fault]:
    """Yield the faults of the rows at `places`, each refused as a whole, by `reasons`, or for its cells."""
    width = len(form.columns)
    messages = {
        "not_utf8": "must be UTF-8",
        "nul": "must not hold a NUL byte",
        "unclosed_quote": "must close the quote that it opens",
    }
    columns = [
        (form.columns.index(name), name, cache(partial(explain_cell, field)))
        for name, field in fields_of_patient().items()
        if name in form.columns
    ]
    for place in places.tolist():
        if reasons[place] < len(REASONS):
            code = REASONS[reasons[place]]
            ragged = f"must have {width} cells, as the header has, not {rows.widths[place]}"
            yield (place, None, code, messages.get(code, ragged))
            continue
        cells = rows.cells_of(place)
        for column, name, explain in columns:
            if fault := explain(cells[column]):
                yield (place, name, *fault)


def write_table(rows: Rows, places: Places, predictions: Predictions, form: Form, version: str) -> bytes:
    """Return the rows at `places`, each with the cells of its score added before its own line ending."""
    starts, ends = rows.starts[places], rows.ends[places]
    if form.join is Join.IDS:
        starts, ends = rows.cells(form.columns.index(form.id_column), len(form.columns), places)
    scores = [score_from_row(version, 0, *kind) for kind in predictions.kinds]
    tails = [write_tail(score, form.delimiter) + ending for ending in (b"\n", b"\r\n") for score in scores]
    which = predictions.kind + len(scores) * rows.crlf[places]
    risks = write_risks(predictions.risk, form.delimiter.encode())
    return interleave(rows.slices(starts, ends), risks, map(tails.__getitem__, which.tolist()))


def write_tail(score: Score, delimiter: str) -> bytes:
    """Return the cells that follow the risk; the items of one cell are joined by `SEVERAL`."""
    cells = (score.prediction, SEVERAL.join(score.conformal), SEVERAL.join(score.warnings), score.model_version)
    return "".join(delimiter + quote(cell, delimiter) for cell in cells).encode()
