"""Unpacks gzip as it arrives, and stops before a small body becomes a huge file."""

import zlib
from collections.abc import Iterator

from contract.errors import BodyTooLarge, InvalidFile

PIECE_BYTES = 262_144
LENIENT_BYTES = 10_000_000  # a file up to this size may be packed as tightly as it likes


class Inflater:
    """Takes the chunks of a gzip stream (RFC 1952), of one member or several, and gives the file's bytes in pieces.

    Raises BodyTooLarge once the file is `ratio_limit` times as large as what was sent, and 10 MB: a table of patients
    is packed some 10 times. Raises InvalidFile with code `not_gzip` for a stream that is none, or broken off.
    """

    def __init__(self, ratio_limit: float) -> None:
        self._ratio_limit = ratio_limit
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._taken = 0
        self._given = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take the next bytes of the stream; yield what they stand for, at most 256 KB at a time."""
        self._taken += len(chunk)
        while chunk:
            if self._member.eof:
                chunk = chunk.lstrip(b"\0")  # padding, which gzip allows between members and after the last
                if not chunk:
                    return
                self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                piece = self._member.decompress(chunk, PIECE_BYTES)
            except zlib.error:
                raise InvalidFile.whole("not_gzip", "is not gzip, though it is said to be") from None
            chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self._given += len(piece)
            if self._given > max(LENIENT_BYTES, self._ratio_limit * self._taken):
                raise BodyTooLarge(
                    f"The file is packed more than {self._ratio_limit:g} times, as no table is: send it unpacked."
                )
            if piece:
                yield piece

    def finish(self) -> None:
        """Check that the stream is whole, once it has ended. Raises InvalidFile."""
        if not self._member.eof:
            raise InvalidFile.whole("not_gzip", "is broken off: its gzip has no end")
