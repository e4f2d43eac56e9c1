"""Drift is seen where something goes wrong, within 500 patients, and nowhere else.

The patients are the producer's, through the released model, the binning of workers and the verdict of the gateway.
"""

import random
from collections.abc import Sequence
from functools import cache

import pytest
from pydantic import ValidationError

from bench.local.programs import ROOT
from core.schema.patient import Patient, Row
from models.binning import Binning
from models.features import to_matrix
from models.scorer import Scorer
from monitoring.drift import PSI_LIMIT, FeatureDrift, Verdict, compare_features
from producer.copula import Copula
from producer.scenarios import SCENARIOS, Values
from producer.table import read_cases

CLEAN_RUNS, SEEDS, PATIENTS, FEW, MANY = 50, 20, 500, 100, 5_000
SEEN_IN = {
    "older": {"age"},
    "missing-sensor": {"ca", "thal"},
    "oldpeak-mv": {"oldpeak"},
    "cp-reversed": {"cp"},
    "stuck-sensor": {"thalach"},
}
"""The features in which each scenario must be seen; `kpa` never reaches a worker."""

SCORER = Scorer.load(ROOT / "models" / "champion")
COPULA = Copula(read_cases())


@cache
def draw(seed: int, patients: int = PATIENTS) -> Sequence[Values]:
    """Return so many patients of clean traffic."""
    chance = random.Random(f"{seed} drift")  # noqa: S311 - not for secrets
    return [COPULA.draw(chance).patient.model_dump() for _ in range(patients)]


def arrive(scenario: str, seed: int) -> list[Row]:
    """Return those of 500 patients of a scenario whom the service does not refuse."""
    chance, rows = random.Random(seed), []  # noqa: S311 - not for secrets
    for values in draw(seed):
        try:
            rows.append(Patient.model_validate(SCENARIOS[scenario](dict(values), chance)).to_row())
        except ValidationError:
            continue
    return rows


def judge(rows: Sequence[Row]) -> dict[str, FeatureDrift]:
    """Return what is said of each feature of these patients."""
    assert SCORER.card.reference
    matrix = to_matrix(rows)
    counts = Binning(SCORER.card.reference).count(matrix, SCORER.risk(matrix))
    return {one.feature: one for one in compare_features(SCORER.card.reference, counts)}


def drifting(rows: Sequence[Row]) -> set[str]:
    """Return the features that drift."""
    return {name for name, one in judge(rows).items() if one.verdict is Verdict.DRIFTING}


def clean(seed: int, patients: int = PATIENTS) -> list[Row]:
    """Return the rows of clean traffic."""
    return [tuple(values.values()) for values in draw(seed, patients)]


def test_fifty_runs_of_clean_traffic_raise_no_alarm() -> None:
    assert [drifting(clean(seed)) for seed in range(CLEAN_RUNS)] == [set()] * CLEAN_RUNS


def test_fifty_short_runs_of_clean_traffic_raise_none_either() -> None:
    assert [drifting(clean(seed)[:FEW]) for seed in range(CLEAN_RUNS)] == [set()] * CLEAN_RUNS


def test_a_long_run_of_clean_traffic_stays_far_below_the_limit() -> None:
    """The copula's patients are not quite the table's as a whole; where the test sees that at last, the index holds."""
    found = judge(clean(0, MANY))
    assert {one.verdict for one in found.values()} == {Verdict.STABLE}
    assert max(one.psi or 0 for one in found.values()) < PSI_LIMIT / 5


@pytest.mark.parametrize("scenario", SEEN_IN)
def test_a_scenario_is_seen_within_five_hundred_patients_and_in_its_own_features(scenario: str) -> None:
    seen = [drifting(arrive(scenario, seed)) for seed in range(SEEDS)]
    assert all(found >= SEEN_IN[scenario] for found in seen)
    assert set().union(*seen) <= SEEN_IN[scenario] | {"risk"}


@pytest.mark.parametrize("scenario", SEEN_IN)
def test_a_scenario_is_seen_within_a_hundred_patients_as_well(scenario: str) -> None:
    assert all(drifting(arrive(scenario, seed)[:FEW]) >= SEEN_IN[scenario] for seed in range(SEEDS))


def test_patients_in_kpa_are_all_refused_and_so_none_is_counted() -> None:
    assert all(arrive("kpa", seed) == [] for seed in range(SEEDS))


def test_every_scenario_is_held_to_something() -> None:
    assert SCENARIOS.keys() == SEEN_IN.keys() | {"kpa"}


def test_what_a_missing_sensor_leaves_out_is_told() -> None:
    found = judge(arrive("missing-sensor", 0))
    assert found["ca"].missing == pytest.approx(0.4, abs=0.07)
    assert found["ca"].missing_reference == pytest.approx(4 / 303, abs=1e-4)
    assert found["age"].missing == 0


def test_of_too_few_patients_nothing_is_told() -> None:
    for one in judge(clean(0)[: FEW - 1]).values():
        assert one.verdict is Verdict.TOO_FEW
        assert (one.psi, one.p_value, one.missing) == (None, None, None)
        assert all(bin.patients is None and bin.share is None for bin in one.bins)
