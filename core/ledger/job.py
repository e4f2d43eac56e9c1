"""The job: its state, and its scores or error."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Describe

from core.schema.score import Score


class State(StrEnum):
    """Where a job stands. It only ever moves down this list, and never leaves an end state."""

    QUEUED = "queued"  # written, and waits for a worker
    RUNNING = "running"  # a worker has claimed it at least once
    SUCCEEDED = "succeeded"  # has a score for each record
    FAILED = "failed"  # has an error, with a code
    CANCELED = "canceled"  # its submitter canceled it
    EXPIRED = "expired"  # its deadline passed before it was scored

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self not in (State.QUEUED, State.RUNNING)


class JobError(BaseModel):
    """Why a job failed; never holds a patient's value."""

    code: str
    message: str


class Job(BaseModel):
    """A job as its submitter sees it; times are UTC."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    id: UUID
    state: State
    patients: Annotated[int, Describe(ge=1, description="How many patients the job holds.")]
    accepted_at: datetime
    started_at: Annotated[datetime | None, Describe(description="When a worker first took it.")] = None
    finished_at: datetime | None = None
    scores: Annotated[
        list[Score] | None,
        Describe(description="One score a patient, in the order sent; null until succeeded."),
    ] = None
    error: JobError | None = None
    replayed_as: Annotated[
        UUID | None, Describe(description="The job that an operator made of this one after its quarantine.")
    ] = None
