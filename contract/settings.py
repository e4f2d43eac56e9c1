"""Settings: everything that may differ between two installations, read from `SCORELINE_*` once at start."""

from pathlib import Path
from typing import Self

from pydantic import Field as Describe
from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One installation's settings; each is the environment variable `SCORELINE_` and its name in capitals.

    Raises pydantic.ValidationError for a value that cannot be, or for times out of their order.
    """

    model_config = SettingsConfigDict(env_prefix="SCORELINE_", frozen=True, env_ignore_empty=True)

    redis_url: str = Describe(
        "redis://127.0.0.1:6380/0", description="Redis or Valkey that holds both the ledger and the queue."
    )
    redis_timeout_s: float = Describe(2, gt=0, description="Seconds after which Redis counts as away.")
    api_host: str = Describe("127.0.0.1", description="Address that the gateway listens on.")
    api_port: int = Describe(8001, ge=1, le=65535, description="Port that the gateway listens on.")
    flower_port: int = Describe(5555, ge=1, le=65535, description="Port of Flower's dashboard.")
    body_limit_bytes: int = Describe(4_000_000, gt=0, description="Largest request body; a larger one is 413.")
    patients_limit: int = Describe(10_000, gt=0, description="Most patients in one job.")
    prediction_wait_s: float = Describe(
        10, gt=0, description="Longest that POST /api/prediction waits before it answers 202 with the job."
    )
    worker_processes: int = Describe(2, gt=0, description="Scoring processes of one worker.")
    task_limit_s: float = Describe(5, gt=0, description="A task that takes longer is killed.")
    visibility_timeout_s: float = Describe(
        20, gt=0, description="Seconds after which Redis hands an unacknowledged message to another worker."
    )
    result_ttl_s: int = Describe(86_400, gt=0, description="Seconds that a finished job is kept.")
    bundle: Path = Describe(Path("models/champion"), description="Folder of the released model bundle.")

    @model_validator(mode="after")
    def _times_in_order(self) -> Self:
        if not self.task_limit_s < self.visibility_timeout_s:
            raise ValueError("SCORELINE_TASK_LIMIT_S must be below SCORELINE_VISIBILITY_TIMEOUT_S")
        return self
