"""Converts the results of a batch to one Parquet file, which arro3 writes in a thread and which is sent as it grows."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any, cast

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema, list_array
from arro3.io import write_parquet
from pydantic_core import from_json
from typing_extensions import Buffer

from api.batches.results import BLOCK_ROWS, LIST_COLUMNS, PATIENT_COLUMNS, columns_of, read_rows, to_cell
from core.ledger.batch import SEVERAL, Form, Format
from core.schema.patient import fields_of_patient
from core.table.cell import read_cell

PIECE_BYTES = 262_144
PIECES = 2  # unread pieces, above which the writer waits

BLOCK_CELLS = 20 * BLOCK_ROWS  # converted at once, in some 20 ms
GROUP_ROWS = 131_072
GROUP_BYTES = 16_000_000  # of rows; a row group in memory is compressed, and so mostly much smaller
COMPRESSION = "zstd(1)"

TEXT, NUMBER = DataType.utf8(), DataType.float64()
TEXTS = DataType.list(Field("element", TEXT, nullable=False))
OFFSET = DataType.int32()
FIELDS = fields_of_patient()

Columns = Iterable[Sequence[Any]]
"""The values of a block of rows, column by column: texts from CSV, or JSON values."""


class GrowingFile(io.RawIOBase):
    """A file that one thread writes and another reads while it grows.

    Once it is `abandoned` nobody reads any more: the writer should stop, and further writes are dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.abandoned = False
        self._buffer = bytearray()
        self._pieces: Queue[bytes] = Queue(PIECES)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Write all of the data. Blocks while two pieces are unread."""
        self._buffer += data
        if len(self._buffer) >= PIECE_BYTES:
            self._put(bytes(self._buffer))
            self._buffer.clear()
        return memoryview(data).nbytes

    def end(self, whole: bool) -> None:
        """Mark the end of the file; the buffered rest is written before, if the file is `whole`."""
        if self._buffer and whole:
            self._put(bytes(self._buffer))
        self._put(b"")

    def read_piece(self) -> bytes:
        """Return the next piece, empty after the last one. Blocks until there is one."""
        return self._pieces.get()

    def abandon(self) -> None:
        """Stop reading, and release a writer that waits."""
        self.abandoned = True
        try:
            while True:
                self._pieces.get_nowait()
        except Empty:
            return

    def _put(self, piece: bytes) -> None:
        if not self.abandoned:
            self._pieces.put(piece)


def stream_from_thread(write: Callable[[GrowingFile], None]) -> Iterator[bytes]:
    """Run `write` in a thread of its own, and yield the bytes that it writes to its file. Raises what `write` raises.

    If the generator is closed before its end, the file is `abandoned`.
    """
    growing, failed = GrowingFile(), list[BaseException]()

    def run() -> None:
        try:
            write(growing)
        except BaseException as error:  # a panic of a Rust library is no Exception
            failed.append(error)
        finally:
            growing.end(whole=not failed)

    Thread(target=run, name="parquet writer", daemon=True).start()
    try:
        while piece := growing.read_piece():
            yield piece
    finally:
        growing.abandon()
    if failed:
        raise failed[0]


def to_parquet(outputs: Iterable[bytes], form: Form, row_bytes: int) -> Iterator[bytes]:
    """Yield the outputs of all parts as one Parquet file, row group by row group; without outputs, a file without rows.

    A patient's fields are float64: categories as codes, and null if not measured. `risk` is float64, `conformal` and
    `warnings` are lists of strings, and any other column is the text that a CSV has. `row_bytes` is the largest mean
    size of a row in any part; it limits the rows in a row group. The outputs are read in another thread. Raises what
    reading them raises.
    """
    columns = columns_of(form)
    schema = Schema([Field(*each) for each in zip(name_columns(columns), map(type_of, columns), strict=True)])
    group_rows = max(1, min(GROUP_ROWS, GROUP_BYTES // max(1, row_bytes)))

    def write(growing: GrowingFile) -> None:
        failed: list[Exception] = []

        def batches() -> Iterator[RecordBatch]:
            try:
                for block in chain.from_iterable(read_blocks(output, form, columns) for output in outputs):
                    if growing.abandoned:
                        return
                    yield RecordBatch.from_arrays(list(map(to_array, columns, block)), schema=schema)
            except Exception as error:
                failed.append(error)
                raise

        try:
            reader = RecordBatchReader.from_batches(schema, batches())
            file = cast(IO[bytes], growing)  # arro3 uses nothing else of a file
            write_parquet(reader, file, compression=COMPRESSION, max_row_group_size=group_rows)
        except Exception as error:  # arro3 raises its own error, with only the text of ours
            raise (failed or [error])[0] from None

    return stream_from_thread(write)


def name_columns(columns: Sequence[str]) -> Iterator[str]:
    """Yield the names, with a made-up one for each empty name: readers of Parquet refuse equal names."""
    for place, name in enumerate(columns, start=1):
        yield name or f"column {place}"


def type_of(column: str) -> DataType:
    """Return the Arrow type of a column."""
    if column in LIST_COLUMNS:
        return TEXTS
    return NUMBER if column in PATIENT_COLUMNS or column == "risk" else TEXT


def read_blocks(output: bytes, form: Form, columns: Sequence[str]) -> Iterator[Columns]:
    """Yield the rows of a part's output, block by block."""
    rows_in_block = max(1, min(BLOCK_ROWS, BLOCK_CELLS // len(columns)))
    if form.format is Format.CSV:
        rows = read_rows(output, form.delimiter)
        while block := list(islice(rows, rows_in_block)):
            yield zip(*block, strict=True)
    else:
        lines = io.BytesIO(output)
        while objects := [from_json(line) for line in islice(lines, rows_in_block)]:
            yield [[parsed.get(column) for parsed in objects] for column in columns]


def to_array(column: str, values: Sequence[Any]) -> Array:
    """Return the values of a column as an Arrow array of its type."""
    if column in LIST_COLUMNS:
        lists = list(map(to_list, values))
        offsets = [0]
        for each in lists:
            offsets.append(offsets[-1] + len(each))
        flat = Array(list(chain.from_iterable(lists)), TEXT)
        return list_array(Array(offsets, OFFSET), flat, type=TEXTS)
    if column in PATIENT_COLUMNS:
        return Array([to_code(column, value) for value in values], NUMBER)
    if column == "risk":
        return Array(list(map(float, values)), NUMBER)
    return Array(list(map(to_cell, values)), TEXT)


def to_list(value: Any) -> Sequence[str]:
    """Return the strings in one cell of CSV, or in one JSON list."""
    if isinstance(value, str):
        return value.split(SEVERAL) if value else ()
    return value or ()


@lru_cache(10_000)
def to_code(column: str, value: float | str | None) -> float | None:
    """Return the number of a patient's field, a category's code for its name; None if it is missing."""
    # A text in JSON is a name, which is never a number, so it can be read like a cell.
    stated = read_cell(value.encode()) if isinstance(value, str) else value
    number = FIELDS[column].parse(stated) if stated is not None else None
    return None if number is None else float(number)
