"""Checks a column: each distinct text in it is checked once, by the field's own `parse`."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticCustomError

from core.schema.field import Field, Measure
from core.table.cell import NUMBER, read_cell
from worker.bulk.rows import Places, Rows

REFUSED = np.inf
"""Stands for a value that its field refuses; no field accepts infinity."""

_WORD_BYTES, _WORDS, _SLOT_BITS = 8, 2, 16
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)  # golden ratio; xxHash
_IN_NUMBERS = b"0123456789.+-eE"
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(_WORD_BYTES + 1)], dtype=np.uint64)


class EightBytes:
    """Reads the bytes of a part as 8-byte words that begin at any of them."""

    def __init__(self, data: bytes) -> None:
        padded = data + bytes(_WORD_BYTES * (_WORDS + 1))
        self._words = np.ndarray((len(data) + _WORD_BYTES * _WORDS,), "<u8", padded, strides=(1,))

    def pick(self, starts: Places, sizes: Places) -> NDArray[np.uint64]:
        """Return the word at each start, with the bytes beyond each size set to 0."""
        return self._words[starts] & _MASKS[np.clip(sizes, 0, _WORD_BYTES)]


def check_column(rows: Rows, words: EightBytes, starts: Places, ends: Places, field: Field) -> NDArray[np.float32]:
    """Return the values of the n cells from `starts` to `ends`, as float32 (n,): NaN if missing, or `REFUSED`."""
    representatives = group(words, starts, ends - starts)
    distinct = np.flatnonzero(representatives == np.arange(len(representatives)))
    texts = rows.slices(starts[distinct], ends[distinct])
    values = np.empty(len(representatives), np.float32)
    values[distinct] = check_texts(texts, field)
    return values[representatives]


def group(words: EightBytes, starts: Places, sizes: Places) -> Places:
    """Return, for each of n cells, the index of a cell with the same text, its representative.

    A text may have more than one representative: this need not find all equal cells to be right.
    """
    count = int(min(_WORDS, -(-sizes.max(initial=0) // _WORD_BYTES)))
    parts = [words.pick(starts + _WORD_BYTES * place, sizes - _WORD_BYTES * place) for place in range(count)]
    mixed = sizes.astype(np.uint64)
    for part, multiplier in zip(parts, _MULTIPLIERS, strict=False):
        mixed ^= part * multiplier
    slots = (mixed * _MULTIPLIERS[0] >> np.uint64(64 - _SLOT_BITS)).astype(np.intp)
    places = np.arange(len(sizes))
    last_in_slot = np.empty(1 << _SLOT_BITS, np.intp)
    last_in_slot[slots] = places
    representatives = last_in_slot[slots]
    same = (sizes[representatives] == sizes) & (sizes <= _WORD_BYTES * _WORDS)
    for part in parts:
        same &= part[representatives] == part
    return np.where(same, representatives, places)


def check_texts(texts: Sequence[bytes], field: Field) -> NDArray[np.float64]:
    """Return the value of each cell, as float64 (n,): NaN if missing, `REFUSED` if refused."""
    values, settled = np.empty(len(texts)), np.zeros(len(texts), np.bool_)
    if isinstance(field, Measure):  # which may have as many distinct texts as rows
        values = read_numbers(texts)
        settled = (field.hard[0] <= values) & (values <= field.hard[1]) & ~np.isin(values, field.missing)
    for place in np.flatnonzero(~settled).tolist():
        values[place] = check_cell(field, texts[place])
    return values


def read_numbers(texts: Sequence[bytes]) -> NDArray[np.float64]:
    """Return the number of each cell that is an unquoted decimal, else NaN, as float64 (n,)."""
    if not b"".join(texts).translate(None, _IN_NUMBERS):
        with suppress(ValueError):  # float accepts more texts than `NUMBER`, but none of these characters only
            return np.fromiter(map(float, texts), np.float64, len(texts))
    is_number = NUMBER.fullmatch
    return np.array([float(text) if is_number(text) else np.nan for text in texts], np.float64)


def check_cell(field: Field, cell: bytes) -> float:
    """Return the value of a cell: NaN if missing, `REFUSED` if its field refuses it."""
    try:
        value = field.parse(read_cell(cell))
    except PydanticCustomError:
        return REFUSED
    return np.nan if value is None else value


def explain_cell(field: Field, cell: bytes) -> tuple[str, str] | None:
    """Return the code and message with which the field refuses the cell, or None if it accepts it."""
    try:
        field.parse(read_cell(cell))
    except PydanticCustomError as error:
        return error.type, error.message()
    return None
