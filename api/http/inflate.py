"""Decompresses gzip as it arrives, and stops at a decompression bomb: one that expands too far or takes too long."""

import zlib
from collections.abc import Iterator

from core.errors import BodyTooLarge, InvalidFile, UnsupportedEncoding

PIECE_BYTES = 262_144
ANY_RATIO_BYTES = 10_000_000  # up to this size any compression ratio is allowed
WINDOW_BYTES = 32_768  # the most that zlib gets at once: at the end of each member it copies the rest

MEMBERS = 1_000  # a stream of up to so many members may have members of any size
MEMBER_BYTES = 100
"""The mean compressed size that the members of a longer stream must have. To begin a member takes some 2 µs, as long as
to decompress 100 bytes. An empty member has 20 bytes; one of bgzip, 64 KB of a table, has thousands."""

GZIP = ("gzip", "x-gzip")


class Inflater:
    """Decompresses a gzip stream (RFC 1952) of one or more members, chunk by chunk.

    Raises BodyTooLarge once the output is larger than 10 MB and than `ratio_limit` times the input; a table of patients
    shrinks some 10 times. Raises InvalidFile with code `not_gzip` if the stream is not gzip or incomplete, and with
    code `too_many_members` if it has many short members.
    """

    def __init__(self, ratio_limit: float) -> None:
        self._ratio_limit = ratio_limit
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._members = 1
        self._packed_bytes = 0
        self._unpacked_bytes = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decompress the next bytes of the stream; yield the output in pieces of some 256 KB, the last one shorter.

        The output of short members is joined, because each piece may have a fixed cost for the reader.
        """
        self._packed_bytes += len(chunk)
        pieces, pieces_bytes = list[bytes](), 0
        for piece in self._unpack(memoryview(chunk)):
            pieces.append(piece)
            pieces_bytes += len(piece)
            if pieces_bytes >= PIECE_BYTES:
                yield b"".join(pieces)
                pieces, pieces_bytes = [], 0
        if pieces_bytes:
            yield b"".join(pieces)

    def finish(self) -> None:
        """Check that the stream is complete; to be called at its end. Raises InvalidFile."""
        if not self._member.eof:
            raise InvalidFile.whole("not_gzip", "is broken off: its gzip has no end")

    def _unpack(self, chunk: memoryview) -> Iterator[bytes]:
        while chunk:
            window = chunk[:WINDOW_BYTES]
            if self._member.eof:
                if padding := count_zeros(window):  # gzip allows zeros between members and after the last
                    chunk = chunk[padding:]
                    continue
                self._begin_member()
            try:
                piece = self._member.decompress(window, PIECE_BYTES)
            except zlib.error:
                raise InvalidFile.whole("not_gzip", "is not gzip, though it is said to be") from None
            left = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            chunk = chunk[len(window) - len(left) :]
            self._unpacked_bytes += len(piece)
            if self._unpacked_bytes > max(ANY_RATIO_BYTES, self._ratio_limit * self._packed_bytes):
                raise BodyTooLarge(
                    f"The file is packed more than {self._ratio_limit:g} times, as no table is: send it unpacked."
                )
            yield piece

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > MEMBERS + self._packed_bytes / MEMBER_BYTES:
            rule = f"is gzip of more than {MEMBERS} members, and of less than {MEMBER_BYTES} bytes each: pack it as one"
            raise InvalidFile.whole("too_many_members", rule)
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)


def count_zeros(window: memoryview) -> int:
    """Return the number of zero bytes at the beginning."""
    return len(window) - len(bytes(window).lstrip(b"\0")) if window[0] == 0 else 0


def make_inflater(content_encoding: str, ratio_limit: float) -> Inflater | None:
    """Return the inflater for a body of this Content-Encoding, or None if it is not compressed.

    Raises UnsupportedEncoding for any encoding but gzip.
    """
    coding = content_encoding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in GZIP:
        raise UnsupportedEncoding
    return Inflater(ratio_limit)
