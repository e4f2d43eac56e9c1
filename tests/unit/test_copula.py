"""The patients who are drawn: like those of the table, and none of them."""

import random

import pandas as pd
import pytest

from core.errors import BadTable
from core.schema.patient import COLUMNS, fields_of_patient
from producer.copula import Copula
from producer.table import Case, read_cases

DRAWN = 10_000


def to_frame(cases: list[Case]) -> pd.DataFrame:
    """Return the cases as a table, NaN where a value was not measured."""
    frame = pd.DataFrame([case.patient.to_row() for case in cases], columns=pd.Index(COLUMNS), dtype=float)
    return frame.assign(disease=[case.disease for case in cases])


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The patients of the table."""
    return to_frame(read_cases())


@pytest.fixture(scope="module")
def drawn() -> pd.DataFrame:
    """Patients drawn from it."""
    copula, rng = Copula(read_cases()), random.Random(7)  # noqa: S311 - not for secrets
    return to_frame([copula.draw(rng) for _ in range(DRAWN)])


def test_as_many_are_diseased_as_in_the_table(table: pd.DataFrame, drawn: pd.DataFrame) -> None:
    assert drawn["disease"].mean() == pytest.approx(table["disease"].mean(), abs=0.015)  # 3 standard errors


@pytest.mark.parametrize("disease", [True, False])
def test_each_field_is_spread_as_in_the_table_given_the_outcome(
    table: pd.DataFrame, drawn: pd.DataFrame, disease: bool
) -> None:
    ours, theirs = (frame[frame["disease"] == disease] for frame in (drawn, table))
    for name in COLUMNS:
        shares = [frame[name].value_counts(normalize=True, dropna=False).sort_index() for frame in (ours, theirs)]
        apart = (shares[0] - shares[1]).fillna(1)  # a value that either has alone is wholly wrong
        assert apart.abs().max() < 0.025, name
        assert apart.cumsum().abs().max() < 0.03, name  # Kolmogorov-Smirnov; noise alone passes 0.024 once in 100


@pytest.mark.parametrize("disease", [True, False])
def test_fields_go_together_as_in_the_table_given_the_outcome(
    table: pd.DataFrame, drawn: pd.DataFrame, disease: bool
) -> None:
    ours, theirs = (frame.loc[frame["disease"] == disease, list(COLUMNS)].corr("spearman") for frame in (drawn, table))
    apart = (ours - theirs).abs().to_numpy()
    assert apart.max() < 0.09
    assert apart.mean() < 0.025
    assert theirs.abs().where(theirs < 1).max().max() > 0.3  # so much there is to miss


def test_no_one_is_a_patient_of_the_table(table: pd.DataFrame, drawn: pd.DataFrame) -> None:
    known = set(table.fillna(-1).itertuples(index=False, name=None))
    assert sum(row in known for row in drawn.fillna(-1).itertuples(index=False, name=None)) == 0
    assert len(drawn.drop_duplicates()) == DRAWN


def test_only_what_may_be_null_is_missing(drawn: pd.DataFrame) -> None:
    missing = set(drawn.columns[drawn.isna().any()])
    assert missing == {"ca", "thal"} < {name for name, field in fields_of_patient().items() if field.nullable}


def test_the_same_seed_draws_the_same_patients() -> None:
    copula = Copula(read_cases())
    first, again, other = ([copula.draw(rng) for _ in range(20)] for rng in map(random.Random, (7, 7, 8)))
    assert first == again != other


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_patients_to_draw_from_are_refused(count: int) -> None:
    with pytest.raises(BadTable, match="too few"):
        Copula(read_cases()[:count])
