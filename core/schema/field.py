"""The two kinds of field: a measure on a scale, and a category from a code table.

A field is declared once, on `core.schema.patient.Patient`. Which values are valid, the error messages, the OpenAPI
document and the checks of files are all derived from that declaration.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, slots=True)
class Measure:
    """A number on a scale, always finite.

    A value outside the `hard` bounds is refused, since no patient has it. The `soft` bounds are the range that the
    model was trained on (Cleveland minimum and maximum); outside it, the model extrapolates. `missing` values mean "not
    measured". `other_unit` is a unit in which the measure is often given by mistake, and how many of `unit` it is.
    """

    unit: str
    hard: tuple[float, float]
    soft: tuple[float, float]
    other_unit: tuple[str, float] | None = None
    nullable: bool = False
    missing: tuple[float, ...] = ()

    @property
    def rule(self) -> str:
        """Which values are valid, in the words of an error message."""
        low, high = self.hard
        return f"a number from {low:g} to {high:g} {self.unit}" + (", or null" if self.nullable else "")

    def parse(self, value: object) -> float | None:
        """Return the number, or None if it was not measured.

        Raises PydanticCustomError: `wrong_type`, `not_finite`, `out_of_bounds` or `null`.
        """
        if value is None or (value in self.missing and not isinstance(value, bool)):
            if not self.nullable:
                raise refuse("null", self.rule)
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse("wrong_type", self.rule)
        if isinstance(value, float) and not math.isfinite(value):
            raise refuse("not_finite", self.rule)
        if not self.hard[0] <= value <= self.hard[1]:
            raise refuse("out_of_bounds", self.rule + self.guess_unit(value))
        return float(value)

    def guess_unit(self, value: float) -> str:
        """Return a hint for a refused value that would be valid in the other unit, else an empty text."""
        if self.other_unit:
            name, size = self.other_unit
            if self.hard[0] / size <= value <= self.hard[1] / size:
                return f"; looks like {name}: 1 {name} is {size:g} {self.unit}"
        return ""

    @property
    def quick_schema(self) -> CoreSchema:
        """A schema that accepts what `parse` accepts: pydantic checks numbers within bounds, `parse` all other values.

        Its errors are not meant to be shown.
        """
        low, high = self.hard
        usual = core_schema.float_schema(strict=True, allow_inf_nan=False, ge=low, le=high)
        return _or_by_function(usual, self.parse)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        low, high = self.hard
        schema: JsonSchemaValue = {"type": "number", "minimum": low, "maximum": high}
        schema |= {"x-unit": self.unit, "x-trained-range": list(self.soft)}
        if not self.nullable:
            return schema
        wide = nullable(schema)
        return wide | {
            "anyOf": [
                *wide["anyOf"],
                *({"type": "number", "minimum": value, "maximum": value} for value in self.missing),
            ]
        }


@dataclass(frozen=True, slots=True)
class Category:
    """One of a few codes, given as an integer or by its name.

    `names` maps code to name, in the coding of `heart.csv`. `missing` codes mean "not measured".
    """

    names: dict[int, str]
    nullable: bool = False
    missing: tuple[int, ...] = ()

    @property
    def rule(self) -> str:
        """Which values are valid, in the words of an error message."""
        table = ", ".join(f'{code} or "{name}"' for code, name in self.names.items())
        return f"one of {table}" + (", or null" if self.nullable else "")

    def parse(self, value: object) -> int | None:
        """Return the integer code, or None if it was not measured.

        Raises PydanticCustomError: `wrong_type`, `unknown_code` or `null`.
        """
        if isinstance(value, str):
            code = next((code for code, name in self.names.items() if name == value), None)
        elif value is None or (value in self.missing and not isinstance(value, bool)):
            if not self.nullable:
                raise refuse("null", self.rule)
            return None
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse("wrong_type", self.rule)
        else:
            code = int(value) if value in self.names else None
        if code is None:
            raise refuse("unknown_code", self.rule)
        return code

    @property
    def quick_schema(self) -> CoreSchema:
        """A schema that accepts what `parse` accepts: pydantic checks integer codes, `parse` all other values.

        Its errors are not meant to be shown.
        """
        # The literals alone would accept true as 1.
        codes: list[CoreSchema] = [core_schema.int_schema(strict=True), core_schema.literal_schema(list(self.names))]
        return _or_by_function(core_schema.chain_schema(codes), self.parse)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        # Two schemas, since client generators accept no enum of both numbers and strings.
        numbers: JsonSchemaValue = {"type": "integer", "enum": [*self.names, *self.missing]}
        codes: JsonSchemaValue = {"anyOf": [numbers, {"type": "string", "enum": [*self.names.values()]}]}
        codes["x-codes"] = {str(code): name for code, name in self.names.items()}
        return nullable(codes) if self.nullable else codes


Field = Measure | Category


def _or_by_function(usual: CoreSchema, parse: Callable[[object], object]) -> CoreSchema:
    return core_schema.union_schema(
        [usual, core_schema.no_info_plain_validator_function(parse)], mode="left_to_right", auto_collapse=False
    )


def refuse(code: str, rule: str) -> PydanticCustomError:
    """Return the error for a value that breaks `rule`; it never holds the value."""
    # The rule goes in as context: a brace in a message template would be read as a placeholder.
    return PydanticCustomError(code, "must be {rule}", {"rule": rule})


def nullable(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return a JSON schema that also accepts null."""
    return {"anyOf": [schema, {"type": "null"}]}
