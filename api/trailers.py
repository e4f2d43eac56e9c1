"""Trailers: the fields behind a chunked body, which nothing here asks for."""

from typing_extensions import override


class Dropped(list[tuple[bytes, bytes]]):
    """Takes the fields of trailers, none of which may be taken for a header (RFC 9110, section 6.5.1)."""

    @override
    def append(self, field: tuple[bytes, bytes]) -> None:
        pass


TRAILERS = Dropped()
