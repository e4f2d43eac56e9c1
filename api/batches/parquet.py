"""The results of a batch as one Parquet file, made in one thread, taken as it grows; arro3 writes it."""

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

from api.batches.results import BLOCK_ROWS, LISTS, MEASURED, columns_of, read_rows, to_cell
from core.ledger.batch import SEVERAL, Form, Format
from core.schema.patient import fields_of_patient
from core.table.cell import read_cell

PIECE_BYTES = 262_144
PIECES = 2  # that wait to be taken; then the writer waits


class GrowingFile(io.RawIOBase):
    """What is written to. Once `left`, nobody takes any more: the writer should end, and what it writes is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.left = False
        self._held = bytearray()
        self._pieces: Queue[bytes] = Queue(PIECES)

    def writable(self) -> bool:
        """Say that it is."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Take all of the data. Waits while enough is there to be taken."""
        self._held += data
        if len(self._held) >= PIECE_BYTES:
            self._put(bytes(self._held))
            self._held.clear()
        return memoryview(data).nbytes

    def end(self, whole: bool) -> None:
        """Say that nothing more comes; what is held goes out before, if the file is whole."""
        if self._held and whole:
            self._put(bytes(self._held))
        self._put(b"")

    def take(self) -> bytes:
        """Return the next piece, once there is one; nothing after the last."""
        return self._pieces.get()

    def leave(self) -> None:
        """Take no more, and let a writer go on that waits."""
        self.left = True
        try:
            while True:
                self._pieces.get_nowait()
        except Empty:
            return

    def _put(self, piece: bytes) -> None:
        if not self.left:
            self._pieces.put(piece)


def taken_from(write: Callable[[GrowingFile], None]) -> Iterator[bytes]:
    """Yield what `write` writes to the outlet that it is given, in a thread of its own. Raises what it does.

    If this is closed before it ends, the outlet is `left`.
    """
    growing, failed = GrowingFile(), list[BaseException]()

    def run() -> None:
        try:
            write(growing)
        except BaseException as error:  # a panic of a Rust library is no Exception
            failed.append(error)
        finally:
            growing.end(whole=not failed)

    Thread(target=run, name="outlet", daemon=True).start()
    try:
        while piece := growing.take():
            yield piece
    finally:
        growing.leave()
    if failed:
        raise failed[0]


BLOCK_CELLS = 20 * BLOCK_ROWS  # turned in one go, some 20 ms
GROUP_ROWS = 131_072
GROUP_BYTES = 16_000_000  # of rows; what is held until a row group is full is mostly much less, being compressed
COMPRESSION = "zstd(1)"

TEXT, NUMBER = DataType.utf8(), DataType.float64()
TEXTS = DataType.list(Field("element", TEXT, nullable=False))
OFFSET = DataType.int32()
FIELDS = fields_of_patient()

Columns = Iterable[Sequence[Any]]
"""The values of a block of rows, column by column: texts of CSV, or what JSON holds."""


def to_parquet(outputs: Iterable[bytes], form: Form, row_bytes: int) -> Iterator[bytes]:
    """Yield the outputs of all parts as one Parquet file, a row group at a time; a file even if there is no output.

    A patient's fields are float64, codes where they are categories, and null where not measured. `risk` is float64,
    `conformal` and `warnings` are lists of texts, and any other column is the text that it is in a CSV. `row_bytes` is
    the mean size of a row in the part where it is largest: it bounds how many go in a row group. The outputs are read
    in another thread. Raises what reading them does.
    """
    columns = columns_of(form)
    schema = Schema([Field(*each) for each in zip(name_all(columns), map(type_of, columns), strict=True)])
    group_rows = max(1, min(GROUP_ROWS, GROUP_BYTES // max(1, row_bytes)))

    def write(growing: GrowingFile) -> None:
        failed: list[Exception] = []

        def batches() -> Iterator[RecordBatch]:
            try:
                for block in chain.from_iterable(read_blocks(output, form, columns) for output in outputs):
                    if growing.left:
                        return
                    yield RecordBatch.from_arrays(list(map(to_array, columns, block)), schema=schema)
            except Exception as error:
                failed.append(error)
                raise

        try:
            reader = RecordBatchReader.from_batches(schema, batches())
            file = cast(IO[bytes], growing)  # of which it asks no more
            write_parquet(reader, file, compression=COMPRESSION, max_row_group_size=group_rows)
        except Exception as error:  # in which arro3 leaves of ours only the text
            raise (failed or [error])[0] from None

    return taken_from(write)


def name_all(columns: Sequence[str]) -> Iterator[str]:
    """Yield the names, with one for each column that a header leaves without: readers refuse two that are alike."""
    for place, name in enumerate(columns, start=1):
        yield name or f"column {place}"


def type_of(column: str) -> DataType:
    """Return the type of a column."""
    if column in LISTS:
        return TEXTS
    return NUMBER if column in MEASURED or column == "risk" else TEXT


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
            yield [[found.get(column) for found in objects] for column in columns]


def to_array(column: str, values: Sequence[Any]) -> Array:
    """Return the values of a column as its type has them."""
    if column in LISTS:
        lists = list(map(to_list, values))
        offsets = [0]
        for each in lists:
            offsets.append(offsets[-1] + len(each))
        flat = Array(list(chain.from_iterable(lists)), TEXT)
        return list_array(Array(offsets, OFFSET), flat, type=TEXTS)
    if column in MEASURED:
        return Array([to_code(column, value) for value in values], NUMBER)
    if column == "risk":
        return Array(list(map(float, values)), NUMBER)
    return Array(list(map(to_cell, values)), TEXT)


def to_list(value: Any) -> Sequence[str]:
    """Return the words of one cell, or of one list."""
    if isinstance(value, str):
        return value.split(SEVERAL) if value else ()
    return value or ()


@lru_cache(10_000)
def to_code(column: str, value: float | str | None) -> float | None:
    """Return the number that a patient's field states, the code where it is a name; None for nothing."""
    # What JSON holds as text is a name, and so never what a cell would be read as instead.
    stated = read_cell(value.encode()) if isinstance(value, str) else value
    number = FIELDS[column].parse(stated) if stated is not None else None
    return None if number is None else float(number)
