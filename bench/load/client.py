"""A client that shows a key: one connection, kept open, which costs the least of all clients in Python."""

import http.client
import json
from typing import Any, Self
from urllib.parse import urlsplit

BLOCK_BYTES = 1_000_000
ANSWER_WITHIN_S = 120
BROKEN = 0
"""The status of a request that no answer came to."""


class Client:
    """Makes requests of the service at the URL with a key; `body` is that of the last answer, `location` its.

    An answer's body of more than `BLOCK_BYTES` is read, but not kept.
    """

    def __init__(self, url: str, key: str) -> None:
        self.body, self.location = b"", ""
        self._login = {"Authorization": f"Bearer {key}"}
        self._connection = http.client.HTTPConnection(
            urlsplit(url).netloc, timeout=ANSWER_WITHIN_S, blocksize=BLOCK_BYTES
        )
        self._buffer = bytearray(BLOCK_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection, as the service may have done if it was idle; the next request opens it anew."""
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        """Make a request and return the status that is answered, or `BROKEN`; a header is named with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, path, body, self._login | named)
            answer = self._connection.getresponse()
            self.location = answer.headers.get("Location", "")
            size = answer.readinto(self._buffer)
            self.body = bytes(self._buffer[:size])
            while answer.readinto(self._buffer):
                continue
        except (http.client.HTTPException, OSError):
            self.hang_up()
            return BROKEN
        return answer.status

    def json(self) -> Any:
        """Return the last answer's body, which is JSON."""
        return json.loads(self.body)
