"""From what the ledger keeps of a score to what the caller reads."""

import pytest
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from core.schema.patient import COLUMNS
from core.schema.score import PREDICTIONS, SETS, Score, ScoreRow, scores_from_rows

TERMS = [number / 8 for number in range(len(COLUMNS))]
ROWS: list[ScoreRow] = [
    (0.25, 0, 1),
    (0.75, 1, 2, ["extrapolating: age"]),
    (0.5, 1, 0, [], (-0.5, TERMS, 1.5)),
]


def read_back(*rows: ScoreRow) -> list[Score]:
    """Return the scores that the rows are once they were kept as JSON."""
    return scores_from_rows(from_json(to_json(rows)), "1.0.0")


def test_a_row_is_read_back_whole() -> None:
    plain, warned, explained = read_back(*ROWS)
    assert plain == Score(0.25, "no disease", ("no disease",), "1.0.0")
    assert warned == Score(0.75, "disease", ("disease",), "1.0.0", ("extrapolating: age",))
    assert (explained.conformal, explained.warnings) == (("disease", "no disease"), ())
    assert explained.explanation
    assert explained.explanation.contributions == dict(zip(COLUMNS, TERMS, strict=True))
    assert (explained.explanation.baseline, explained.explanation.log_odds) == (-0.5, 1.5)


def test_a_row_that_says_nothing_of_its_set_rules_nothing_out() -> None:
    """Rows were kept so before there were sets, and a result stays readable for as long as it is kept."""
    [score] = read_back((0.25, False))
    assert set(score.conformal) == set(PREDICTIONS)


@pytest.mark.parametrize("place", range(4))
def test_the_place_of_a_set_says_what_is_ruled_out(place: int) -> None:
    assert ("disease" in SETS[place], "no disease" in SETS[place]) == (not place & 1, not place & 2)


def test_what_is_answered_is_read_back_by_a_client_as_it_was() -> None:
    scores = TypeAdapter(list[Score])
    assert scores.validate_json(to_json(read_back(*ROWS))) == read_back(*ROWS)


def test_every_part_of_a_score_says_what_it_is() -> None:
    schema = TypeAdapter(Score).json_schema()
    for part in (schema, schema["$defs"]["Explanation"]):
        assert [name for name, field in part["properties"].items() if not field.get("description")] == []
