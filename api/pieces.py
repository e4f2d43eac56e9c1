"""Pieces: a body that is sent piece by piece, each once the reader has taken the one before."""

from collections.abc import AsyncIterator, Mapping

from fastapi import Response
from fastapi.responses import StreamingResponse

PIECE_BYTES = 65_536


def send_in_pieces(body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response, 200, that sends the body in pieces: what a slow reader leaves unread is one of them."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), PIECE_BYTES):
            yield body[start : start + PIECE_BYTES]

    return StreamingResponse(pieces(), 200, {**(headers or {}), "Content-Length": str(len(body))}, media_type)
