"""The quick look at the body of a submit: whether all of it is as it should be, and the rows if it is.

What is not is left to `api.body`, which is slower and able to say what is wrong.
"""

import re
from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema

from contract.patient import Row, quick_schema

PATIENT_BYTES = 4_096  # of JSON; a patient of more is not worth a quick look, whose price is that of what is wrong
PIECE_BYTES = 65_536  # some 1 ms of checking, in which nothing else is served
BLANK = rb"[ \t\r\n]*"
AROUND_LIST = re.compile(BLANK.join((b"", rb"\{", b'"patients"', b":", rb"\[(.*)\]", rb"\}", b"")), re.DOTALL)

QUICK = SchemaValidator(quick_schema())
QUICK_ELEMENTS = SchemaValidator(core_schema.list_schema(quick_schema(), fail_fast=True))
QUICK_LIST = SchemaValidator(
    core_schema.typed_dict_schema(
        {"patients": core_schema.typed_dict_field(core_schema.list_schema(quick_schema(), fail_fast=True))},
        extra_behavior="forbid",
    )
)


def is_plausible(body: bytes, limit: int) -> bool:
    """Whether a large body may hold `limit` patients or fewer, and little else.

    To find what is wrong with one costs some 10 µs a fault, in which nothing else is served.
    """
    return body.count(b"}") <= limit + 1 and max(map(len, body.split(b"}"))) <= PATIENT_BYTES


def look_quickly(body: bytes) -> list[Row]:
    """Return the rows of a small body, or none if something is wrong with it."""
    try:
        if b'"patients"' not in body:
            return [tuple(QUICK.validate_json(body).values())]
        return [tuple(row.values()) for row in QUICK_LIST.validate_json(body)["patients"]]
    except ValidationError:
        return []


def look_in_pieces(body: bytes) -> Iterator[list[Row]]:
    """Yield the rows of a large list piece by piece; the last is empty if something is wrong with the list.

    Each piece begins and ends where a list's elements can. Put together by commas, what is valid between brackets is
    so as a whole; a cut that is none, such as one within a text, leaves a piece that is not valid.
    """
    around = AROUND_LIST.fullmatch(body)
    start, end = around.span(1) if around else (0, 0)
    while start < end:
        cut = body.find(b"},", start + PIECE_BYTES, end)
        stop = cut + 1 if cut >= 0 else end
        try:
            found = QUICK_ELEMENTS.validate_json(b"[%b]" % body[start:stop])
        except ValidationError:
            found = []
        yield [tuple(row.values()) for row in found]
        if not found:  # also of two commas, or of one before the list's end
            return
        start = stop + 1
