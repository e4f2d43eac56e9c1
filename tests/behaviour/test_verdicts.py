"""What the released model says in columns is what it says row by row."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from models.features import FEATURES, to_matrix
from models.scorer import Scorer
from training.data.jitter import jitter
from training.data.table import TABLE, read_table

CHAMPION = Path(__file__).parents[2] / "models" / "champion"


def test_verdicts_are_the_scores_in_columns() -> None:
    scorer = Scorer.load(CHAMPION)
    rows = jitter(read_table(TABLE).rows, 3_000, seed=1)
    matrix = to_matrix(rows)
    matrix[::7, FEATURES.index("age")] = 20
    matrix[::11, FEATURES.index("oldpeak")] = 9
    verdicts = scorer.predict(matrix)
    said = [(risk, *verdicts.kinds[kind]) for risk, kind in zip(verdicts.risk.tolist(), verdicts.kind, strict=True)]
    scores: list[tuple[Any, ...]] = list(scorer.score(matrix))
    assert said == [(*score[:3], tuple(chain(*score[3:]))) for score in scores]
    assert len(verdicts.kinds) == len(set(verdicts.kinds)) > 8


def test_of_no_one_nothing_is_said() -> None:
    verdicts = Scorer.load(CHAMPION).predict(np.empty((0, len(FEATURES)), np.float32))
    assert (len(verdicts.risk), len(verdicts.kind), verdicts.kinds) == (0, 0, [])


def test_rows_may_come_as_an_array() -> None:
    rows = read_table(TABLE).rows
    assert np.array_equal(to_matrix(np.array(rows, np.float32)), to_matrix(rows))
