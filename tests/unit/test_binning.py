"""Binning: every patient is in one bin of each feature, and in the one that a person would put them in."""

from bisect import bisect_right
from collections import Counter

import numpy as np
import pytest
from hypothesis import given

from bench.local.programs import ROOT
from core.schema.field import Measure
from core.schema.patient import COLUMNS, Row, fields_of_patient
from core.schema.reference import MISSING, RISK, Bins, bin_name
from models.binning import Binning
from models.bundle import read_card
from models.features import UNUSED, to_matrix
from tests.patients import ROW, ROWS
from training.data.table import TABLE, read_table

CARD = read_card(ROOT / "models" / "champion")
FIELDS = fields_of_patient()


def reference() -> dict[str, Bins]:
    """Return the bins of the released card."""
    assert CARD.reference
    return CARD.reference.features


def count(rows: list[Row], risk: list[float]) -> dict[str, int]:
    """Return how many are in each bin."""
    assert CARD.reference
    return Binning(CARD.reference).count(to_matrix(rows), np.array(risk))


def place(name: str, value: float | None) -> str:
    """Return the label of the bin of one value, found one by one."""
    bins, field = reference()[name], FIELDS.get(name)
    if value is None:
        return MISSING
    if field and not isinstance(field, Measure):
        return field.names[int(value)]
    edges = [float(np.float32(edge)) for edge in bins.edges or ()]
    value = float(np.float32(value))
    return bins.labels[len(edges) - 1 if value == edges[-1] else bisect_right(edges, value)]


@given(ROWS)
def test_patients_are_counted_as_one_by_one(rows: list[Row]) -> None:
    risk = [abs(hash(row)) % 1000 / 1000 for row in rows]
    expected: Counter[str] = Counter()
    for row, one in zip(rows, risk, strict=True):
        values = dict(zip(COLUMNS, row, strict=True)) | {RISK: one}
        expected.update(bin_name(name, place(name, values[name])) for name in reference())
    assert count(rows, risk) == expected


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 1000])
def test_each_patient_is_counted_once_in_each_feature_whatever_their_number(rows: int) -> None:
    found = count([ROW] * rows, [0.5] * rows)
    assert set(found.values()) <= {rows}
    assert len(found) == (len(reference()) if rows else 0)


@pytest.mark.parametrize(
    ("age", "label"), [(28.9, "below 29"), (29, "29 to 42"), (42, "42 to 45"), (77, "66 to 77"), (77.1, "above 77")]
)
def test_a_lower_edge_belongs_to_its_bin_and_the_last_edge_to_the_one_below(age: float, label: str) -> None:
    assert count([(age, *ROW[1:])], [0.5])[f"age={label}"] == 1


def test_the_largest_value_of_training_lies_inside_though_it_is_not_exact() -> None:
    row = list(ROW)
    row[COLUMNS.index("oldpeak")] = 6.2
    assert count([tuple(row)], [0.5])["oldpeak=2.8 to 6.2"] == 1


def test_the_reference_is_the_training_table_counted() -> None:
    assert CARD.reference
    rows = read_table(TABLE).rows
    found = count(list(rows), [0.5] * len(rows))
    for name, bins in reference().items():
        assert sum(bins.counts) == pytest.approx(CARD.reference.patients) == len(rows)
        if name != RISK:
            assert [found.get(bin_name(name, label), 0) for label in bins.labels] == list(bins.counts)
    assert reference().keys() == {*COLUMNS, RISK} - {*UNUSED}


def test_the_risks_of_the_reference_are_unseen_ones_and_near_the_models_own() -> None:
    bins = reference()[RISK]
    shares = np.array(bins.counts) / sum(bins.counts)
    middles = np.arange(0.05, 1, 0.1)
    assert shares @ middles == pytest.approx(139 / 303, abs=0.02)
