"""Where the service is, and how answers are shown: said by a flag, else by the environment, else by a file."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from pydantic import Field as Describe
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import PydanticBaseSettingsSource as Source
from typing_extensions import override

from core.errors import OperatorError
from core.settings import Settings


class Output(StrEnum):
    """How data is shown."""

    TABLE = "table"  # for people
    JSON = "json"  # as the service says it
    CSV = "csv"


def config_file() -> Path:
    """Return where the file is, whether there is one or not."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "scoreline" / "config.toml"


class Configuration(BaseSettings):
    """What every command wants to know; made by `Configuration.read`."""

    model_config = SettingsConfigDict(
        env_prefix="SCORELINE_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True, extra="ignore"
    )

    url: Annotated[str, Describe(pattern="^https?://[^/]", description="Where the service is.")] = Describe(
        default_factory=lambda: Settings.read().api_url
    )
    api_key: Annotated[SecretStr | None, Describe(description="Who asks, where the service wants to know.")] = None
    output: Annotated[Output, Describe(description="How data is shown: table, json or csv.")] = Output.TABLE
    patience: Annotated[
        float, Describe(ge=0, description="Seconds for which a request is sent again that fails for now.")
    ] = 30

    @classmethod
    @override
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Source, env_settings: Source, *_: Source, **__: Source
    ) -> tuple[Source, ...]:
        """Have a flag win over the environment, and that over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

    @classmethod
    def read(cls, **flags: Any) -> Self:
        """Return what the flags say that are not None, and of all else what environment and file say.

        Raises OperatorError, which names what is wrong.
        """
        try:
            return cls(**{name: value for name, value in flags.items() if value is not None})
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False, include_context=False)
            named = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in faults)
            raise OperatorError(
                f"{named}: see the flag, SCORELINE_{str(faults[0]['loc'][0]).upper()} and {config_file()}."
            ) from None
        except ValueError as error:  # the file is no TOML
            raise OperatorError(f"{config_file()}: {error}") from None


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
