"""What a command is told, by a flag, else by the environment, else by a file; and the client that it makes of that."""

import os
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import typer

from scoreline_client import Client
from scoreline_client.cli.exits import OperatorError

PREFIX = "SCORELINE_"


class Output(StrEnum):
    """How data is shown."""

    TABLE = "table"  # for people
    JSON = "json"  # as the service says it
    CSV = "csv"


def config_file() -> Path:
    """Return where the file is, whether there is one or not."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "scoreline" / "config.toml"


def local_url() -> str:
    """Return where `make up` serves on this machine. Raises OperatorError."""
    host, port = os.environ.get("SCORELINE_API_HOST") or "127.0.0.1", os.environ.get("SCORELINE_API_PORT") or "8001"
    if not (port.isdecimal() and 1 <= int(port) <= 65535):
        raise OperatorError("the settings cannot be used: SCORELINE_API_PORT: Input should be a port, from 1 to 65535")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def read_text(value: object) -> str:
    """Return the text. Raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("Input should be a valid string")
    return value


def read_url(value: object) -> str:
    """Return the URL. Raises ValueError for what cannot be one of a service."""
    url = read_text(value)
    if not re.search("^https?://[^/]", url):
        raise ValueError("String should match pattern '^https?://[^/]'")
    return url


def read_output(value: object) -> Output:
    """Return the way to show data. Raises ValueError where there is none of this name."""
    try:
        return Output(value)  # type: ignore[arg-type]  # any value is looked up
    except ValueError:
        raise ValueError("Input should be 'table', 'json' or 'csv'") from None


def read_patience(value: object) -> float:
    """Return the seconds. Raises ValueError for what is no number, or less than nothing."""
    if not isinstance(value, str | int | float):
        raise ValueError("Input should be a valid number")
    try:
        seconds = float(value)
    except ValueError:
        raise ValueError("Input should be a valid number, unable to parse string as a number") from None
    if not seconds >= 0:
        raise ValueError("Input should be greater than or equal to 0")
    return seconds


def describe(description: str, read: Callable[[object], object]) -> dict[str, Any]:
    """Return what is kept of a setting: what it is, and what reads it."""
    return {"description": description, "read": read}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What every command wants to know; made by `Configuration.read`."""

    url: str = field(default_factory=local_url, metadata=describe("Where the service is.", read_url))
    api_key: str | None = field(
        default=None, repr=False, metadata=describe("Who asks, where the service wants to know.", read_text)
    )
    output: Output = field(
        default=Output.TABLE, metadata=describe("How data is shown: table, json or csv.", read_output)
    )
    patience: float = field(
        default=30, metadata=describe("Seconds for which a request is sent again that fails for now.", read_patience)
    )

    @classmethod
    def read(cls, **flags: Any) -> Self:
        """Return what the flags say that are not None, and of all else what environment and file say.

        Raises OperatorError, which names what is wrong.
        """
        stated = read_file() | read_environment() | {name: flag for name, flag in flags.items() if flag is not None}
        values: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for setting in fields(cls):
            if setting.name in stated:
                try:
                    values[setting.name] = setting.metadata["read"](stated[setting.name])
                except ValueError as error:
                    faults[setting.name] = str(error)
        if faults:
            named = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
            raise OperatorError(f"{named}: see the flag, {PREFIX}{next(iter(faults)).upper()} and {config_file()}.")
        return cls(**values)


def read_environment() -> dict[str, object]:
    """Return what the environment says; a variable that is empty says nothing."""
    names = (setting.name for setting in fields(Configuration))
    return {name: value for name in names if (value := os.environ.get(f"{PREFIX}{name.upper()}"))}


def read_file() -> dict[str, object]:
    """Return what the file says, nothing if there is none. Raises OperatorError where it is no TOML."""
    path = config_file()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise OperatorError(f"{path}: {error}") from None


Url = Annotated[str | None, typer.Option("--url", help="Where the service is. (SCORELINE_URL)")]
Key = Annotated[
    str | None,
    typer.Option("--api-key", help="Who asks; better said by SCORELINE_API_KEY, or in the file."),
]
Patience = Annotated[
    float | None,
    typer.Option(
        help="Seconds for which a request is sent again that fails for now (SCORELINE_PATIENCE; 30).",
        rich_help_panel="Service",
    ),
]
Shown = Annotated[
    Output | None,
    typer.Option("--output", "-o", help="How data is shown (SCORELINE_OUTPUT; table)."),
]


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
    with Client(known.url, api_key=known.api_key, patience_s=known.patience) as client:
        yield Session(client, known.output, f" --url {shlex.quote(url)}" if url else "")
