"""The door: who may come in at the gateway, and how much one caller may ask of it; a part of `Settings`."""

from pydantic import Field as Describe
from pydantic_settings import BaseSettings


class Door(BaseSettings):
    """The settings of the door. Made as a part of `contract.settings.Settings`."""

    hosts: str | None = Describe(
        None,
        description="Names, apart by spaces, by which the gateway may be called, besides SCORELINE_API_HOST, localhost "
        "and any address; `*` is any.",
    )
    cors_origins: str | None = Describe(
        None, description="Origins, apart by spaces, whose pages may call the gateway, such as `https://ward.example`."
    )
    connections_limit: int = Describe(
        16_384, gt=0, description="Connections that one gateway process serves at once; one more is 503."
    )
    event_streams_limit: int = Describe(
        2_000, gt=0, description="Event streams that one gateway process has open at once; one more is 503."
    )
    answers_limit_bytes: int = Describe(
        16_000_000,
        gt=0,
        description="What one gateway process holds of large answers and downloads while they are read; what finds no "
        "room within some seconds is 503.",
    )
    key_share: float = Describe(
        0.5,
        gt=0,
        le=1,
        description="Largest share that one API key has of a gateway process's connections, event streams and unsent "
        "answers; beyond it 429.",
    )
    head_limit_bytes: int = Describe(
        32_768, gt=0, description="Largest request line and headers, all together; larger ones are 431."
    )
    head_timeout_s: float = Describe(
        10, gt=0, description="Seconds in which request line and headers must have come; else 408."
    )
    body_timeout_s: float = Describe(
        60, gt=0, description="Seconds in which a body must have come that is no upload; else 408."
    )
    slowest_bytes_per_s: float = Describe(
        1_000,
        ge=0,
        description="Bytes a second that must come of an upload, over SCORELINE_UPLOAD_IDLE_S, else 408; and that must "
        "be read of an answer, over SCORELINE_UNREAD_TIMEOUT_S.",
    )
    unread_timeout_s: float = Describe(
        60, gt=0, description="Seconds after which an answer is broken off that nobody reads."
    )
