"""The reference: the distribution of the training records, with which drift compares later ones.

There is one histogram for each feature and one for the risk, and none of two features together.
"""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

RISK = "risk"
"""The name of the risk among the features."""

MISSING = "missing"
"""The label of the bin, always the last, of records in which a feature was not measured."""


class Bins(BaseModel):
    """How many training records are in each bin of one feature.

    The bins of a measure are those between its edges, one below the first edge, and one above the last. A lower edge
    belongs to its bin; the last edge belongs to the bin below it.
    """

    model_config = ConfigDict(frozen=True)

    labels: Annotated[tuple[str, ...], Field(description="What each bin holds.")]
    counts: Annotated[tuple[float, ...], Field(description="Training's patients in each bin.")]
    edges: Annotated[tuple[float, ...] | None, Field(description="Edges of the bins of a measure, ascending.")] = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if len(self.labels) != len(self.counts):
            raise ValueError("every bin must have a label and a count")
        return self


class Reference(BaseModel):
    """The distribution of the training records, by feature."""

    model_config = ConfigDict(frozen=True)

    patients: Annotated[int, Field(gt=0, description="Training's patients.")]
    method: Annotated[str, Field(description="How the bins were made, and whose risks are counted.")]
    features: Annotated[
        dict[str, Bins], Field(description="The bins of each field that the model looks at, and those of the risk.")
    ]


class ServedCard(BaseModel):
    """The part of a model's card that is read by programs that do not import models."""

    version: str
    reference: Reference | None = None


class Refusal(BaseModel):
    """The refusal of the newest bundle, and its reason; the previous bundle stays in use."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[str | None, Field(description="Its version; null if its card cannot be read.")]
    reason: Annotated[str, Field(description="What is wrong with it, and what to do.")]
    at: Annotated[datetime, Field(description="When it was refused.")]


def bin_name(feature: str, label: str) -> str:
    """Return the name under which a bin is counted."""
    return f"{feature}={label}"
