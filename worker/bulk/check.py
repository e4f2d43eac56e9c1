"""The check of a column: each distinct text in it is checked once, by the field itself."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticCustomError

from core.schema.field import Field, Measure
from core.table.cell import NUMBER, read_cell
from worker.bulk.rows import Places, Rows

REFUSED = np.inf
"""What stands for a value that its field refuses; no field takes it."""

_WORD_BYTES, _WORDS, _SLOT_BITS = 8, 2, 16
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)  # golden ratio; xxHash
_IN_NUMBERS = b"0123456789.+-eE"
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(_WORD_BYTES + 1)], dtype=np.uint64)


class EightBytes:
    """The bytes of a part, eight at a time, from any of them on."""

    def __init__(self, data: bytes) -> None:
        padded = data + bytes(_WORD_BYTES * (_WORDS + 1))
        self._words = np.ndarray((len(data) + _WORD_BYTES * _WORDS,), "<u8", padded, strides=(1,))

    def pick(self, starts: Places, sizes: Places) -> NDArray[np.uint64]:
        """Return the word at each start, with what lies beyond so many bytes left out."""
        return self._words[starts] & _MASKS[np.clip(sizes, 0, _WORD_BYTES)]


def check_column(rows: Rows, words: EightBytes, starts: Places, ends: Places, field: Field) -> NDArray[np.float32]:
    """Return what the n cells from `starts` to `ends` state, as float32 (n,): NaN if missing, `REFUSED` if refused."""
    like = group(words, starts, ends - starts)
    alone = np.flatnonzero(like == np.arange(len(like)))
    texts = rows.slices(starts[alone], ends[alone])
    values = np.empty(len(like), np.float32)
    values[alone] = check_texts(texts, field)
    return values[like]


def group(words: EightBytes, starts: Places, sizes: Places) -> Places:
    """Return, for each of n cells, the place of one with the same text, which stands for itself.

    Two places may stand for the same text, so this need not find all that are alike to be right.
    """
    count = int(min(_WORDS, -(-sizes.max(initial=0) // _WORD_BYTES)))
    parts = [words.pick(starts + _WORD_BYTES * place, sizes - _WORD_BYTES * place) for place in range(count)]
    mixed = sizes.astype(np.uint64)
    for part, multiplier in zip(parts, _MULTIPLIERS, strict=False):
        mixed ^= part * multiplier
    slots = (mixed * _MULTIPLIERS[0] >> np.uint64(64 - _SLOT_BITS)).astype(np.intp)
    places = np.arange(len(sizes))
    owners = np.empty(1 << _SLOT_BITS, np.intp)
    owners[slots] = places
    like = owners[slots]
    same = (sizes[like] == sizes) & (sizes <= _WORD_BYTES * _WORDS)
    for part in parts:
        same &= part[like] == part
    return np.where(same, like, places)


def check_texts(texts: Sequence[bytes], field: Field) -> NDArray[np.float64]:
    """Return what each cell states, as float64 (n,): NaN if missing, `REFUSED` if refused."""
    values, settled = np.empty(len(texts)), np.zeros(len(texts), np.bool_)
    if isinstance(field, Measure):  # of which there may be as many as rows
        values = read_numbers(texts)
        settled = (field.hard[0] <= values) & (values <= field.hard[1]) & ~np.isin(values, field.missing)
    for place in np.flatnonzero(~settled).tolist():
        values[place] = check_cell(field, texts[place])
    return values


def read_numbers(texts: Sequence[bytes]) -> NDArray[np.float64]:
    """Return the number that each cell plainly is, or NaN, as float64 (n,)."""
    if not b"".join(texts).translate(None, _IN_NUMBERS):
        with suppress(ValueError):  # float takes more than `NUMBER`, but nothing more that is made of these
            return np.fromiter(map(float, texts), np.float64, len(texts))
    is_number = NUMBER.fullmatch
    return np.array([float(text) if is_number(text) else np.nan for text in texts], np.float64)


def check_cell(field: Field, cell: bytes) -> float:
    """Return what a cell states: NaN if missing, `REFUSED` if its field refuses it."""
    try:
        value = field.parse(read_cell(cell))
    except PydanticCustomError:
        return REFUSED
    return np.nan if value is None else value


def explain_cell(field: Field, cell: bytes) -> tuple[str, str] | None:
    """Return code and message of why the field refuses the cell, or None if it does not."""
    try:
        field.parse(read_cell(cell))
    except PydanticCustomError as error:
        return error.type, error.message()
    return None
