"""What a command works with: a client of the service, and how its answers are shown."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cli.configuration import Configuration, Output
from scoreline_client import Client


@dataclass(frozen=True, slots=True)
class Session:
    """One command's connection; `flags` are those that reach the same service."""

    client: Client
    output: Output
    flags: str

    def call(self, command: str) -> str:
        """Return how to call another command for the same service."""
        return f"`scoreline {command}{self.flags}`"


@contextmanager
def connect(
    url: str | None, api_key: str | None, patience: float | None, output: Output | None = None
) -> Iterator[Session]:
    """Give a session by these flags, environment and file. Raises OperatorError."""
    known = Configuration.read(url=url, api_key=api_key, patience=patience, output=output)
    secret = known.api_key.get_secret_value() if known.api_key else None
    with Client(known.url, api_key=secret, patience_s=known.patience) as client:
        yield Session(client, known.output, f" --url {shlex.quote(url)}" if url else "")
