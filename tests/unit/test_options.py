"""The options of a batch: every bad one is named, and its value is not repeated."""

import pytest

from api.batches.options import RULES, OnError, Options, read_options
from core.errors import InvalidQuery
from core.ledger.batch import Form, Format, Join


def test_options_are_read_from_text() -> None:
    sent = {"on_error": "fail", "error_limit": "10", "join": "ids", "id_column": "id", "delimiter": "tab"}
    options = read_options(sent)
    assert (options.on_error, options.error_limit) == (OnError.FAIL, 10)
    assert options.make_form(Format.CSV) == Form(Format.CSV, (), "\t", Join.IDS, "id")
    assert read_options({}) == Options()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("on_error", "ignore"),
        ("error_limit", "-1"),
        ("error_limit", "many"),
        ("join", "all"),
        ("join", "ids"),
        ("id_column", "age"),
        ("id_column", "x" * 256),
        ("delimiter", ":"),
        ("delimiter", ",;"),
        ("callback_url", "x" * 2_001),
        ("model_version", "x" * 256),
        ("on_eror", "fail"),
    ],
)
def test_a_bad_option_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidQuery) as raised:
        read_options({name: value})
    (error,) = raised.value.errors
    assert error.field == ("id_column" if value == "ids" else name if name in RULES else "options")
    assert name in RULES or "on_error may be meant" in error.message
    assert error.code == ("out_of_bounds" if name in RULES else "unknown_field")


def test_all_bad_options_are_named_at_once() -> None:
    with pytest.raises(InvalidQuery) as raised:
        read_options({"join": "all", "delimiter": "x", "more": ""})
    assert [error.field for error in raised.value.errors] == ["join", "delimiter", "options"]


def test_no_name_is_repeated_that_is_no_option() -> None:
    with pytest.raises(InvalidQuery) as raised:
        read_options({"canary": "", "join": "canary", "id_column": "canary" * 50})
    assert "canary" not in str([raised.value, *raised.value.errors])


def test_every_option_has_a_rule() -> None:
    assert set(RULES) == set(Options.model_fields)
