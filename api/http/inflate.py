"""Unpacks gzip as it arrives, and stops before a small body becomes a huge file, or one that takes long for nothing."""

import zlib
from collections.abc import Iterator

from core.errors import BodyTooLarge, InvalidFile, UnsupportedEncoding

PIECE_BYTES = 262_144
LENIENT_BYTES = 10_000_000  # a file up to this size may be packed as tightly as it likes
WINDOW_BYTES = 32_768  # given to zlib in one go, which copies what is left of it at the end of each member

MEMBERS = 1_000  # of a stream, however short they are
MEMBER_BYTES = 100
"""How long a member of a longer stream must be on average, packed: each takes some 2 µs to begin, as 100 bytes do to
unpack. An empty one has 20; those of bgzip, of 64 KB of a table each, have thousands."""

GZIP = ("gzip", "x-gzip")


class Inflater:
    """Takes the chunks of a gzip stream (RFC 1952), of one member or several, and gives the file's bytes in pieces.

    Raises BodyTooLarge once the file is `ratio_limit` times as large as what was sent, and 10 MB: a table of patients
    is packed some 10 times. Raises InvalidFile with code `not_gzip` for a stream that is none, or broken off, and
    with `too_many_members` for one of many short ones.
    """

    def __init__(self, ratio_limit: float) -> None:
        self._ratio_limit = ratio_limit
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._members = 1
        self._taken = 0
        self._given = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take the next bytes of the stream; yield what they stand for, 256 KB at a time, and the rest of it.

        Not piece by piece as it comes of the members: each may cost whoever takes it a look at all that it holds.
        """
        self._taken += len(chunk)
        held, held_bytes = list[bytes](), 0
        for piece in self._unpack(memoryview(chunk)):
            held.append(piece)
            held_bytes += len(piece)
            if held_bytes >= PIECE_BYTES:
                yield b"".join(held)
                held, held_bytes = [], 0
        if held_bytes:
            yield b"".join(held)

    def finish(self) -> None:
        """Check that the stream is whole, once it has ended. Raises InvalidFile."""
        if not self._member.eof:
            raise InvalidFile.whole("not_gzip", "is broken off: its gzip has no end")

    def _unpack(self, chunk: memoryview) -> Iterator[bytes]:
        while chunk:
            window = chunk[:WINDOW_BYTES]
            if self._member.eof:
                if padding := count_zeros(window):  # which gzip allows between members and after the last
                    chunk = chunk[padding:]
                    continue
                self._begin_member()
            try:
                piece = self._member.decompress(window, PIECE_BYTES)
            except zlib.error:
                raise InvalidFile.whole("not_gzip", "is not gzip, though it is said to be") from None
            left = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            chunk = chunk[len(window) - len(left) :]
            self._given += len(piece)
            if self._given > max(LENIENT_BYTES, self._ratio_limit * self._taken):
                raise BodyTooLarge(
                    f"The file is packed more than {self._ratio_limit:g} times, as no table is: send it unpacked."
                )
            yield piece

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > MEMBERS + self._taken / MEMBER_BYTES:
            rule = f"is gzip of more than {MEMBERS} members, and of less than {MEMBER_BYTES} bytes each: pack it as one"
            raise InvalidFile.whole("too_many_members", rule)
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)


def count_zeros(window: memoryview) -> int:
    """Return how many zero bytes it begins with."""
    return len(window) - len(bytes(window).lstrip(b"\0")) if window[0] == 0 else 0


def inflater_of(content_encoding: str, ratio_limit: float) -> Inflater | None:
    """Return what unpacks a body of this Content-Encoding, or None where it is not packed.

    Raises UnsupportedEncoding for any but gzip.
    """
    coding = content_encoding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in GZIP:
        raise UnsupportedEncoding
    return Inflater(ratio_limit)
