"""The exploration: small types that hold the same values, figures that are right, pictures that are drawn."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import linregress, spearmanr

from training.data.table import TABLE, read_table
from training.documents.exploration import (
    correlate,
    differ,
    measure_memory,
    shares_diseased,
    shrink,
    slope_by_age,
    to_frame,
)
from training.documents.pages import DOCS
from training.documents.pictures import PALETTE, PICTURES, draw

TABLE_READ = read_table(TABLE)
FRAME = to_frame(TABLE_READ)


def test_the_small_types_are_nine_categories_two_sizes_of_integer_and_a_half_float() -> None:
    memory = measure_memory(TABLE_READ)
    kinds = list(memory.after.values())
    assert {kind: kinds.count(kind) for kind in kinds} == {"category": 9, "int8": 1, "int16": 3, "float16": 1}
    assert memory.bytes_after < memory.bytes_before / 5


def test_the_small_types_hold_the_same_values() -> None:
    small = shrink(FRAME).astype("float64")
    assert np.allclose(small, FRAME, rtol=1e-3, atol=0, equal_nan=True)
    assert (small.drop(columns="oldpeak").fillna(-1) == FRAME.drop(columns="oldpeak").fillna(-1)).all().all()


def test_a_figure_is_what_scipy_says_it_is() -> None:
    expected = spearmanr(FRAME["age"], FRAME["chol"])
    assert correlate(TABLE_READ, "age", "chol").value == pytest.approx(expected.statistic, abs=1e-4)
    slope = linregress(FRAME["age"], FRAME["thalach"])
    measured = slope_by_age(TABLE_READ, "thalach")
    assert measured.value == pytest.approx(slope.slope, abs=1e-4)
    assert measured.high - measured.low == pytest.approx(4 * slope.stderr, rel=0.15)
    assert correlate(TABLE_READ, "age", "ca").n == 299


def test_what_turns_round_in_heart_csv_goes_this_way_here() -> None:
    shares = {name: shares_diseased(TABLE_READ, name) for name in ("sex", "cp")}
    assert shares["sex"]["male"].low > shares["sex"]["female"].high
    assert all(
        shares["cp"]["asymptomatic"].low > share.high
        for label, share in shares["cp"].items()
        if label != "asymptomatic"
    )
    assert differ(TABLE_READ, "age").low > 0 > differ(TABLE_READ, "thalach").high


def test_every_picture_is_drawn_and_every_drawn_one_is_shown(tmp_path: Path) -> None:
    drawn = draw(TABLE_READ, tmp_path)
    assert {path.stem for path in drawn} == {path.stem for path in (DOCS / "eda").glob("*")} == PICTURES.keys()
    page = (DOCS / "eda.md").read_text()
    for path in (*drawn, *(DOCS / "eda").glob("*")):
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
        assert f"](eda/{path.name})" in page
    assert len(PICTURES) == 7


def test_disease_and_none_differ_in_lightness_too() -> None:
    """So that they are told apart in print without colour, whatever colours one sees."""
    light = [
        sum(int(colour[i : i + 2], 16) * share for i, share in ((1, 0.2126), (3, 0.7152), (5, 0.0722)))
        for colour in PALETTE.values()
    ]
    assert abs(light[0] - light[1]) > 50
