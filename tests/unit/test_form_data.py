"""Forms as they arrive: fields, then one file, in chunks of any size."""

import gc
from weakref import ref

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.batches.form import FIELD_LIMIT_BYTES, AttachedFile, FormReader
from api.batches.upload_parser import UploadParser
from core.errors import InvalidFile
from core.settings import Settings

TYPE = "multipart/form-data; boundary=edge"


def read(body: bytes, content_type: str = TYPE, size: int = 7) -> tuple[AttachedFile, bytes]:
    reader = FormReader(content_type)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    data = b"".join(piece for chunk in chunks for piece in reader.feed(chunk))
    reader.finish()
    assert reader.file
    return reader.file, data


def part(disposition: str, value: bytes, *headers: str) -> bytes:
    lines = [f"Content-Disposition: form-data; {disposition}", *headers]
    return b"--edge\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + value + b"\r\n"


FILE = part('name="file"; filename="a.csv"', b"x", "Content-Type: text/csv")
END = b"--edge--\r\n"


@given(st.binary(max_size=300), st.integers(1, 100))
def test_a_file_comes_out_as_it_went_in(data: bytes, size: int) -> None:
    request = httpx2.Request("POST", "http://x", data={"join": "ids"}, files={"file": ("p.csv.gz", data, "text/CSV")})
    attached, given = read(request.read(), request.headers["content-type"], size)
    assert given == data
    assert attached == AttachedFile("text/csv", "p.csv.gz", {"join": "ids"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (FILE + FILE + END, "after its file"),
        (FILE + part('name="join"', b"ids") + END, "after its file"),
        (part('name="join"', b"ids") + END, "no file"),
        (FILE, "broken off"),
        (b"", "broken off"),
        (b"age,sex\r\n1,2\r\n", "not multipart"),
        (part('name="a"', b"x" * (FIELD_LIMIT_BYTES + 1)) + FILE + END, "more than"),
        (b"".join(part(f'name="f{number}"', b"1") for number in range(33)) + FILE + END, "too many"),
        (part('name="a"', b"1") + part('name="a"', b"1") + FILE + END, "twice"),
        (part('filename="a.csv"', b"1") + END, "without a name"),
        (part('name="a"', b"1", "X: " + "x" * 9_000) + END, "not multipart"),
    ],
)
def test_what_is_no_form_with_one_file_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(InvalidFile) as raised:
        read(body)
    assert [error.code for error in raised.value.errors] == ["bad_form"]
    assert message in raised.value.errors[0].message


@pytest.mark.parametrize("content_type", ["multipart/form-data", f"multipart/form-data; boundary={'x' * 300}"])
def test_a_form_without_a_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidFile):
        read(FILE + END, content_type)


def test_the_file_is_known_before_its_first_byte_and_comes_before_what_is_wrong_behind_it() -> None:
    reader = FormReader(TYPE)
    pieces = reader.feed(FILE + FILE)
    assert next(pieces) == b"x"
    assert reader.file == AttachedFile("text/csv", "a.csv", {})
    with pytest.raises(InvalidFile) as raised:
        next(pieces)
    assert "after its file" in raised.value.errors[0].message


def test_what_is_held_of_a_file_is_let_go_with_its_upload() -> None:
    intake = UploadParser(TYPE, "", {}, Settings())
    assert not list(intake.feed(part('name="file"; filename="a.jsonl"', b"x" * 1_000)))
    left = ref(intake)
    gc.disable()  # which would find it as well, but only after some hundred uploads
    try:
        del intake
        assert left() is None
    finally:
        gc.enable()
