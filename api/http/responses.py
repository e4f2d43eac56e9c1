"""Responses that FastAPI has none for: sent piece by piece, or made once and the same for everyone."""

import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

PIECE_BYTES = 65_536


def send_in_pieces(body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response, 200, that sends the body in pieces: what a slow reader leaves unread is one of them."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), PIECE_BYTES):
            yield body[start : start + PIECE_BYTES]

    return StreamingResponse(pieces(), 200, {**(headers or {}), "Content-Length": str(len(body))}, media_type)


TAG_CHARACTERS = 32  # of SHA-256 in hexadecimal


@dataclass(frozen=True, slots=True)
class PreparedResponse:
    """One answer: its bytes as they are and packed with gzip, and its headers, of which `ETag` names the content."""

    plain: bytes
    packed: bytes
    media_type: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, content: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Self:
        """Return the answer that is this content."""
        # Weak (RFC 9110, section 8.8.1), since it names the content both packed and as it is.
        tag = f'W/"{sha256(content).hexdigest()[:TAG_CHARACTERS]}"'
        usual = {"Cache-Control": "no-cache", "ETag": tag, "Vary": "Accept-Encoding"}
        return cls(content, gzip.compress(content, mtime=0), media_type, usual | dict(headers or {}))

    def answer(self, request: Request) -> Response:
        """Return the answer: 304 without the content to who names it in `If-None-Match`."""
        known = request.headers.get("if-none-match", "")
        if known == "*" or self.headers["ETag"].removeprefix("W/") in known:
            return Response(status_code=304, headers=dict(self.headers))
        if "gzip" in request.headers.get("accept-encoding", ""):
            return self._send(self.packed, {**self.headers, "Content-Encoding": "gzip"})
        return self._send(self.plain, dict(self.headers))

    def _send(self, body: bytes, headers: dict[str, str]) -> Response:
        if len(body) <= PIECE_BYTES:
            return Response(body, 200, headers, media_type=self.media_type)
        return send_in_pieces(body, self.media_type, headers)
