"""Which name was meant: told only where it is certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schema.patient import COLUMNS
from core.schema.spelling import find_nearest, is_slip, list_places


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("Age", "age"),
        (" trest-bps ", "trestbps"),
        ("CP", "cp"),
        ("oldpaek", "oldpeak"),
        ("thalac", "thalach"),
        ("thalachh", "thalach"),
        ("xhal", "thal"),
        ("sxe", "sex"),
        ("ca", "ca"),
        ("c", None),
        ("cx", None),
        ("fps", "fbs"),
        ("145", None),
        ("", None),
        ("--", None),
        ("cholesterol", None),
        ("age" * 30, None),
    ],
)
def test_a_name_is_found_by_its_letters_but_for_one_slip(sent: str, meant: str | None) -> None:
    assert find_nearest(sent, COLUMNS) == meant


@given(st.sampled_from(COLUMNS), st.integers(0, 9), st.sampled_from("abcxyz"))
def test_each_slip_is_seen(name: str, at: int, letter: str) -> None:
    at %= len(name)
    before, after = name[:at], name[at:]
    slips = [
        before + letter + after,
        before + after[1:],
        before + letter + after[1:],
        before + after[1::-1] + after[2:],
    ]
    assert all(is_slip(slip, name) and is_slip(name, slip) for slip in slips)
    assert not is_slip(name, name + "xy")


def test_places_are_told_in_words_and_not_without_end() -> None:
    assert [list_places(list(range(1, end))) for end in (2, 3, 4)] == ["1", "1 and 2", "1, 2 and 3"]
    assert list_places(range(1, 20)).endswith(", 8 and 11 more")
