"""Responses that FastAPI lacks: bytes sent in pieces, and prepared responses that are the same for everyone."""

import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

PIECE_BYTES = 65_536

TAG_CHARACTERS = 32  # of SHA-256 in hexadecimal


def send_in_pieces(body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response 200 that sends the body in pieces, so that a slow reader keeps only one piece in a buffer."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), PIECE_BYTES):
            yield body[start : start + PIECE_BYTES]

    return StreamingResponse(pieces(), 200, {**(headers or {}), "Content-Length": str(len(body))}, media_type)


@dataclass(frozen=True, slots=True)
class PreparedResponse:
    """A response that is made once: its bytes plain and gzipped, and its headers, with an `ETag` of the content."""

    plain: bytes
    packed: bytes
    media_type: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, content: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Self:
        """Return the prepared response with this content."""
        # Weak (RFC 9110, section 8.8.1), since the plain and the gzipped content have the same tag.
        tag = f'W/"{sha256(content).hexdigest()[:TAG_CHARACTERS]}"'
        common = {"Cache-Control": "no-cache", "ETag": tag, "Vary": "Accept-Encoding"}
        return cls(content, gzip.compress(content, mtime=0), media_type, common | dict(headers or {}))

    def respond(self, request: Request) -> Response:
        """Return the response: 304 if `If-None-Match` names the content, else the content, gzipped if accepted."""
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
