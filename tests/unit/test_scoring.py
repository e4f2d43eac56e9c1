"""A batch's way through a classifier that can be checked by hand: risk is age / 120."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic_core import to_json

from core.ledger.job import State
from core.ledger.memory.ledger import MemoryLedger
from core.ledger.protocol import Claimed, Outcome, Pause
from core.ledger.redis.record import dump_rows
from core.schema.patient import COLUMNS, EXAMPLE, Patient
from core.schema.score import ScoreRow
from core.settings import Settings
from core.transport.message import SMALL_RECORDS, Message
from models.bundle import read_card
from models.features import FEATURES, to_matrix
from models.released import Released
from models.scorer import SLICE_ROWS, Scorer, open_session
from tests.bundles import CHAMPION, double_risk, spoil_model
from tests.ledgers import Clock
from tests.patients import ROW, new_job
from training.bundle.behaviour import NO_SIGNS, SIGNS
from worker.interactive.scoring import (
    ROWS_AT_ONCE,
    matrix_of,
    score_claimed,
    score_jobs,
    score_small,
    untraced,
)

AGE = FEATURES.index("age")
SECRET_AGE = 54.321


class ByAge:
    """Scores a patient as age / 120, and fails on any batch that holds the age it cannot bear."""

    version = "by-age"

    def __init__(self, fails_on: float | None = None) -> None:
        self.fails_on = fails_on
        self.batches: list[int] = []

    def score(
        self,
        matrix: NDArray[np.float32],
        *,
        explain: bool = False,
        pause: Pause | None = None,  # noqa: ARG002
    ) -> list[ScoreRow]:
        """Return age / 120 for each row, and the word "why" if asked for. Raises ValueError."""
        self.batches.append(len(matrix))
        ages = matrix[:, AGE].tolist()
        if self.fails_on in [round(age, 3) for age in ages]:
            raise ValueError(f"cannot bear {self.fails_on}")
        return [(age / 120, age >= 60, *(["why"] if explain else [])) for age in ages]


def job(id: str, *ages: float, explain: bool = False, version: str = "") -> Claimed:
    """Return a claimed job of patients of these ages."""
    place = COLUMNS.index("age")
    rows = [(*ROW[:place], age, *ROW[place + 1 :]) for age in ages]
    return Claimed(id, rows, explain, model_version=version)


def test_all_jobs_of_a_message_are_one_batch_and_each_gets_its_own_scores() -> None:
    model = ByAge()
    outcomes = score_jobs(model, [job("a", 30), job("b", 60, 90), job("c", 45)])
    assert model.batches == [4]
    assert [(one.id, one.scores) for one in outcomes] == [
        ("a", [(0.25, False)]),
        ("b", [(0.5, True), (0.75, True)]),
        ("c", [(0.375, False)]),
    ]
    assert {one.model_version for one in outcomes} == {"by-age"}


def test_only_the_scores_of_jobs_that_asked_for_it_are_explained() -> None:
    jobs = [job("a", 30, explain=True), job("b", 60), job("c", 90, 45, explain=True), job("d", 30)]
    model = ByAge()
    assert {one.id: one.scores for one in score_jobs(model, jobs)} == {
        "a": [(0.25, False, "why")],
        "b": [(0.5, True)],
        "c": [(0.75, True, "why"), (0.375, False, "why")],
        "d": [(0.25, False)],
    }
    assert model.batches == [2, 3]


def test_a_job_that_asks_for_another_model_fails_and_harms_no_other() -> None:
    model = ByAge()
    jobs = [job("a", 30, version="other"), job("b", 60, version="by-age"), job("c", 90), job("d", 30, version="by")]
    outcomes = {one.id: one for one in score_jobs(model, jobs)}
    assert [id for id, one in outcomes.items() if one.error] == ["a", "d"]
    assert [outcomes[id].scores for id in "abcd"] == [None, [(0.5, True)], [(0.75, True)], None]
    error = outcomes["a"].error
    assert error
    assert error.code == "model-not-served"
    assert "by-age" in error.message
    assert "other" not in error.message
    assert model.batches == [2]


@pytest.mark.parametrize("place", range(8))
def test_a_batch_that_fails_is_halved_until_the_guilty_job_fails_alone(place: int) -> None:
    jobs = [job(str(number), SECRET_AGE if number == place else 30) for number in range(8)]
    outcomes = score_jobs(ByAge(fails_on=SECRET_AGE), jobs)
    assert [one.id for one in outcomes] == [one.id for one in jobs]
    assert [one.id for one in outcomes if one.error] == [str(place)]
    assert all(one.scores == [(0.25, False)] for one in outcomes if not one.error)


def test_what_is_told_of_a_failure_holds_no_patients_value(caplog: pytest.LogCaptureFixture) -> None:
    [outcome] = score_jobs(ByAge(fails_on=SECRET_AGE), [job("a", SECRET_AGE)])
    assert outcome.error
    assert outcome.error.code == "scoring-failed"
    assert str(SECRET_AGE) not in outcome.error.message + caplog.text
    assert "a" in caplog.text


def test_amid_many_rows_a_scorer_pauses_and_its_scores_are_the_same() -> None:
    scorer, pauses = Released(Settings().bundle).scorer(), list[int]()
    matrix = to_matrix([ROW] * (3 * SLICE_ROWS + 1))
    for explain in (False, True):
        pauses.clear()
        scores = scorer.score(matrix, explain=explain, pause=lambda: pauses.append(1))
        assert len(pauses) == 3
        assert scores == scorer.score(matrix[:1], explain=explain) * len(matrix)


def test_amid_a_large_job_small_ones_of_others_are_scored() -> None:
    ledger, scorer = MemoryLedger(Settings(), Clock()), Released(Settings().bundle).scorer()
    large, small, ended = new_job(3 * SLICE_ROWS), new_job(5), list[str]()
    ledger.submit([large])
    claimed = ledger.claim(Message(0, []))
    ledger.submit([small])
    outcomes = score_jobs(scorer, claimed, partial(score_small, ledger, scorer, untraced, ended))
    assert ended == [small.id]
    assert ledger.read(large.id).state is State.RUNNING
    assert ledger.finish(outcomes) == 1


def test_many_rows_are_made_into_the_same_matrix_and_the_same_json_with_pauses_between() -> None:
    rows, pauses = [(*ROW[:-1], number % 3) for number in range(2 * ROWS_AT_ONCE + 1)], list[int]()
    assert np.array_equal(matrix_of(rows, lambda: pauses.append(1)), to_matrix(rows), equal_nan=True)
    assert len(pauses) == 2
    assert dump_rows(rows, lambda: pauses.append(1)) == dump_rows(rows) == to_json(rows)
    assert len(pauses) > 4


def test_small_jobs_are_committed_before_the_large_ones_that_were_claimed_with_them() -> None:
    class Noting(MemoryLedger):
        """A ledger that notes which jobs end together."""

        def finish(self, outcomes: Sequence[Outcome], pause: Pause | None = None) -> int:
            together.append([one.id for one in outcomes])
            return super().finish(outcomes, pause)

    ledger, together = Noting(Settings(), Clock()), list[object]()
    jobs = [new_job(size) for size in (SMALL_RECORDS + 1, SMALL_RECORDS, SMALL_RECORDS + 1, 1)]
    ledger.submit(jobs)
    a, b, c, d = (one.id for one in jobs)
    score_claimed(ledger, ByAge(), ledger.claim(Message(0, [])), lambda: together.append("pause"))
    assert together == [[b, d], "pause", [a, c]]
    assert all(ledger.read(one.id).state is State.SUCCEEDED for one in jobs)


def test_a_risk_that_is_no_probability_fails_its_job_with_an_error_of_its_own_and_no_other() -> None:
    """A model that doubles the risk passes for as long as the risk is low."""
    scorer = Scorer(read_card(CHAMPION), open_session(spoil_model(double_risk)))
    low, high = (Patient.model_validate(EXAMPLE | signs).to_row() for signs in (NO_SIGNS, SIGNS))
    fine, wrong = score_jobs(scorer, [Claimed("a", [low, low]), Claimed("b", [low, high])])
    assert fine.scores
    assert (wrong.scores, wrong.error and wrong.error.code) == (None, "bad-score")
    assert wrong.error
    assert "no score" in wrong.error.message
