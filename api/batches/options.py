"""The options of a batch: how to read its file, and what to do with its rows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic import Field as Describe

from core.errors import FieldError, InvalidQuery
from core.ledger.batch import Form, Format, Join
from core.ledger.callback import URL_LIMIT
from core.schema.patient import COLUMNS
from core.schema.spelling import hint
from core.table.splitter import DELIMITERS

LONGEST_NAME = 255  # characters


class OnError(StrEnum):
    """What a row that is no patient does to its batch."""

    SKIP = "skip"  # it is listed among the errors, and the others are scored
    FAIL = "fail"  # the batch fails


def parse_delimiter(text: object) -> object:
    """Return the delimiter; `tab` means a tab, which is hard to send in a query. Raises ValueError."""
    if text == "tab":
        return "\t"
    if not isinstance(text, str) or len(text) > 1 or text not in DELIMITERS:
        raise ValueError
    return text


class Options(BaseModel):
    """What may be asked of a batch, in the query of its upload or in the fields before the file of a form."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), hide_input_in_errors=True)

    on_error: Annotated[OnError, Describe(description="What a row that is no patient does to its batch.")] = (
        OnError.SKIP
    )
    error_limit: Annotated[
        int | None, Describe(ge=0, description="With on_error=skip, more bad rows than this fail the batch.")
    ] = None
    join: Annotated[Join, Describe(description="What stands before the scores in each row: the input, or its id.")] = (
        Join.INPUT
    )
    id_column: Annotated[str, Describe(max_length=LONGEST_NAME, description="The column, or key, of the id.")] = ""
    delimiter: Annotated[
        str,
        BeforeValidator(parse_delimiter),
        Describe(description="Of a CSV: `,` `;` `|` or `tab`; seen in the header unless given."),
    ] = ""
    callback_url: Annotated[
        str, Describe(max_length=URL_LIMIT, description="Where to tell that the batch has ended.")
    ] = ""
    model_version: Annotated[str, Describe(max_length=LONGEST_NAME, description="The model to score with.")] = ""

    @model_validator(mode="after")
    def _check_id_column(self) -> "Options":
        if self.join is Join.IDS and not self.id_column:
            raise ValueError("id_column")
        if self.id_column in COLUMNS:
            raise ValueError("id_column")
        return self

    @property
    def rejected_limit(self) -> int | None:
        """How many rows may be rejected before the batch fails; None means no limit."""
        return 0 if self.on_error is OnError.FAIL else self.error_limit

    def make_form(self, format: Format) -> Form:
        """Return the form of a file in this format, as far as the options define it."""
        return Form(format, (), self.delimiter, self.join, self.id_column, self.model_version)


def read_options(sent: Mapping[str, str]) -> Options:
    """Return the options. Raises InvalidQuery, which names every bad option."""
    try:
        return Options.model_validate(sent)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        raise InvalidQuery(errors=tuple(map(_name_fault, faults))) from None


RULES: dict[str, str] = {
    "on_error": "must be skip or fail",
    "error_limit": "must be a whole number, 0 or more",
    "join": "must be input or ids",
    "id_column": f"must be given with join=ids, and be no field of a patient; at most {LONGEST_NAME} characters",
    "delimiter": "must be one of , ; | and tab",
    "callback_url": f"must be a URL of at most {URL_LIMIT} characters",
    "model_version": f"must be at most {LONGEST_NAME} characters",
}


def _name_fault(fault: Any) -> FieldError:
    name = str(fault["loc"][0]) if fault["loc"] else "id_column"
    if fault["type"] == "extra_forbidden":
        rule = f"hold one that is not known: there are {', '.join(RULES)}{hint(name, RULES)}"
        return FieldError(field="options", code="unknown_field", message=rule)
    return FieldError(field=name, code="out_of_bounds", message=RULES[name])
