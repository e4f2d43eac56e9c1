"""Who comes, when, and what goes wrong: what was asked for and nothing else, the same for the same seed."""

import json
from collections.abc import Iterator
from itertools import accumulate, islice, pairwise, takewhile
from typing import Any

import pytest
from pydantic import ValidationError

from core.schema.patient import Patient, fields_of_patient
from producer.copula import Copula
from producer.scenarios import KINDS, KPA_A_MMHG, SCENARIOS, Kind, Values
from producer.table import read_cases
from producer.visits import BURST_S, CALM_S, Mishaps, Visit, arrive_randomly, make_visits, pause_randomly, stream

COPULA = Copula(read_cases())
MANY = 2_000


def visits(count: int = MANY, seed: int | None = 7, **mishaps: Any) -> list[Visit]:
    return list(islice(make_visits(COPULA, Mishaps(**mishaps), seed), count))


def valid(values: Values) -> bool:
    try:
        Patient.model_validate(values)
    except ValidationError:
        return False
    return True


@pytest.fixture(scope="module")
def right() -> list[Values]:
    """Patients with whom nothing went wrong."""
    return [json.loads(visit.body) for visit in visits()]


def spoil(name: str, right: list[Values]) -> list[tuple[Values, Values]]:
    """Return each patient before and after a scenario; checks that it changed only its own fields."""
    before_after = list(zip(right, (json.loads(visit.body) for visit in visits(scenario=SCENARIOS[name])), strict=True))
    changed = {field for one, other in before_after for field in one if one[field] != other[field]}
    assert changed == CHANGED[name]
    assert all(list(one) == list(other) for one, other in before_after)
    return before_after


CHANGED = {
    "older": {"age"},
    "missing-sensor": {"ca", "thal"},
    "kpa": {"trestbps"},
    "oldpeak-mv": {"oldpeak"},
    "cp-reversed": {"cp"},
    "stuck-sensor": {"thalach"},
}


def test_without_a_scenario_every_patient_is_taken(right: list[Values]) -> None:
    assert all(map(valid, right))


def test_older_patients_are_15_years_older_and_taken(right: list[Values]) -> None:
    for one, other in spoil("older", right):
        assert other["age"] == one["age"] + 15
        assert valid(other)


def test_a_missing_sensor_takes_two_results_of_five_away(right: list[Values]) -> None:
    after = [other for _, other in spoil("missing-sensor", right)]
    for name in ("ca", "thal"):
        assert sum(values[name] is None for values in after) / MANY == pytest.approx(0.4, abs=0.05)
    assert all(map(valid, after))


def test_kpa_is_refused_and_recognised_in_every_patient(right: list[Values]) -> None:
    field = fields_of_patient()["trestbps"]
    for one, other in spoil("kpa", right):
        assert other["trestbps"] == pytest.approx(one["trestbps"] * KPA_A_MMHG, abs=0.05)
        with pytest.raises(Exception, match="looks like kPa"):
            field.parse(other["trestbps"])


def test_millivolts_are_a_tenth_and_no_check_sees_it(right: list[Values]) -> None:
    for one, other in spoil("oldpeak-mv", right):
        assert other["oldpeak"] == pytest.approx(one["oldpeak"] / 10)
        assert valid(other)


def test_reversed_codes_of_chest_pain_are_codes(right: list[Values]) -> None:
    pairs = {(one["cp"], other["cp"]) for one, other in spoil("cp-reversed", right)}
    assert pairs == {(0, 3), (1, 2), (2, 1), (3, 0)}


def test_a_stuck_sensor_shows_one_value(right: list[Values]) -> None:
    assert {other["thalach"] for _, other in spoil("stuck-sensor", right)} == {150}


def test_a_scenario_begins_with_the_patient_asked_for(right: list[Values]) -> None:
    stuck = [json.loads(visit.body) for visit in visits(20, scenario=SCENARIOS["stuck-sensor"], since=11)]
    assert stuck[:10] == right[:10]
    assert {values["thalach"] for values in stuck[10:]} == {150}


def test_the_same_seed_brings_the_same_visits_and_mishaps_change_no_other_patient() -> None:
    scenario = SCENARIOS["missing-sensor"]
    mishaps: dict[str, Any] = {"malformed": 0.3, "duplicates": 0.3, "label_after_s": 60, "scenario": scenario}
    assert visits(200, **mishaps) == visits(200, **mishaps) != visits(200, 8, **mishaps)
    assert visits(20, None) != visits(20, None)
    plain = visits(200, scenario=scenario)
    for one, other in zip(plain, visits(200, **mishaps), strict=True):
        assert one.disease == other.disease
        assert other.malformed or one.body == other.body


def test_mishaps_come_as_often_as_was_asked_for() -> None:
    made = visits(malformed=0.1, duplicates=0.2, label_after_s=60)
    assert sum(visit.malformed for visit in made) / MANY == pytest.approx(0.1, abs=0.03)
    assert sum(visit.twice for visit in made) / MANY == pytest.approx(0.18, abs=0.04)
    assert not any(visit.twice and visit.malformed for visit in made)
    assert sum(visit.label_after_s for visit in made) / MANY == pytest.approx(60, rel=0.1)


def test_a_visit_is_shown_without_its_patient() -> None:
    (visit,) = visits(1)
    assert "age" not in repr(visit)
    assert "disease" not in repr(visit)


@pytest.mark.parametrize("kind", KINDS)
def test_no_malformed_body_is_a_patient(kind: Kind, right: list[Values]) -> None:
    chance = stream(7, "lose")
    for values in right[:200]:
        body = kind(values, chance)
        try:
            sent = json.loads(body)
        except ValueError:
            continue
        assert not valid(sent)


def test_pauses_stay_in_their_range() -> None:
    pauses = list(islice(pause_randomly(0, 5, stream(1, "arrive")), 1000))
    assert min(pauses) >= 0
    assert max(pauses) <= 5
    assert sum(pauses) / len(pauses) == pytest.approx(2.5, abs=0.2)


def times(arrivals: Iterator[float], until_s: float) -> list[float]:
    """Return the seconds at which someone comes."""
    return list(takewhile(lambda time_s: time_s < until_s, accumulate(arrivals)))


def test_without_bursts_patients_come_at_random_at_the_rate_asked_for() -> None:
    arrived_s = times(arrive_randomly(10, 1, stream(1, "arrive")), 1_000)
    pauses = [after - before for before, after in pairwise(arrived_s)]
    assert len(arrived_s) / 1_000 == pytest.approx(10, rel=0.03)
    assert sum(pause**2 for pause in pauses) / len(pauses) == pytest.approx(2 / 10**2, rel=0.1)  # as exponential ones


def test_the_same_seed_brings_the_same_pauses() -> None:
    first, again, other = (list(islice(arrive_randomly(10, 8, stream(seed, "arrive")), 50)) for seed in (7, 7, 8))
    assert first == again != other


def test_in_bursts_more_come_and_between_them_no_fewer() -> None:
    hours_s = 20_000
    arrived_s = times(arrive_randomly(10, 8, stream(1, "arrive")), hours_s)
    mean = 10 * (CALM_S + 8 * BURST_S) / (CALM_S + BURST_S)
    assert len(arrived_s) / hours_s == pytest.approx(mean, rel=0.1)
    seconds = [0] * hours_s
    for time_s in arrived_s:
        seconds[int(time_s)] += 1
    assert sorted(seconds)[hours_s // 2] == pytest.approx(10, abs=1)
    assert sum(count > 40 for count in seconds) / hours_s == pytest.approx(BURST_S / (CALM_S + BURST_S), abs=0.02)
