"""The card, which describes the model of a bundle; `card.json` holds it."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.schema.reference import Reference

MODEL_FILE = "model.onnx"
CARD_FILE = "card.json"


class CardField(BaseModel):
    """One field of a patient, as the model was trained on it."""

    model_config = ConfigDict(frozen=True)

    used: Annotated[bool, Field(description="Whether the model looks at it.")]
    nullable: Annotated[bool, Field(description="Whether it may be missing.")]
    unit: Annotated[str | None, Field(description="Unit of a measure.")] = None
    trained_range: Annotated[
        tuple[float, float] | None, Field(description="Smallest and largest value of a measure in training.")
    ] = None
    codes: Annotated[dict[int, str] | None, Field(description="Code table of a category.")] = None


class Metric(BaseModel):
    """One measured metric of the model, with its 95 % interval."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float
    n: Annotated[int, Field(gt=0, description="Patients that it was measured on.")]


class Conformal(BaseModel):
    """The bounds on the risk for each label of the conformal set; class-conditional (Mondrian)."""

    model_config = ConfigDict(frozen=True)

    level: Annotated[
        float, Field(gt=0, lt=1, description="Share of the patients with a label whose set is to hold that label.")
    ]
    disease_at_least: Annotated[float, Field(ge=0, le=1, description="A lower risk rules disease out.")]
    no_disease_at_most: Annotated[float, Field(ge=0, le=1, description="A higher risk rules no disease out.")]
    method: Annotated[str, Field(description="How the bounds were made, and what they do not promise.")]

    def rule_out(self, risk: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return, for each risk of (n,), the index of its set in `core.schema.score.SETS`, as (n,)."""
        return (risk < self.disease_at_least) + 2 * (risk > self.no_disease_at_most)


class Subgroup(BaseModel):
    """How good the model is for a subgroup of the patients; `surplus` above 0 means that their risks are too low."""

    model_config = ConfigDict(frozen=True)

    patients: Annotated[int, Field(gt=0)]
    diseased: Annotated[float, Field(ge=0, le=1, description="Share of them with the disease.")]
    metrics: dict[str, Metric]


class OperatingPoint(BaseModel):
    """A threshold for users who prefer false alarms to missed disease, and its measured quality."""

    model_config = ConfigDict(frozen=True)

    sensitivity: Annotated[float, Field(gt=0, lt=1, description="Share of the diseased that it is to find.")]
    threshold: Annotated[float, Field(ge=0, le=1)]
    metrics: dict[str, Metric]
    method: str


class TrainingTable(BaseModel):
    """The table that the model was fitted to."""

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: Annotated[str, Field(description="Of the CSV file's bytes.")]
    rows: Annotated[int, Field(gt=0)]
    positives: Annotated[int, Field(gt=0, description="Rows with the disease.")]


class Card(BaseModel):
    """What the model is, what it reads, how good it is, and what it must not be used for."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    name: str
    version: Annotated[str, Field(description="The release, and the first 8 hex digits of the model's hash.")]
    model_sha256: Annotated[str, Field(description="Of the bytes of the bundle's `model.onnx`.")]
    target: Annotated[str, Field(description="What the risk is the probability of.")]
    threshold: Annotated[float, Field(gt=0, lt=1, description="A risk that reaches this is called disease.")]
    threshold_rule: str
    conformal: Annotated[Conformal, Field(description="From which risks on a label cannot be ruled out.")]
    features: Annotated[tuple[str, ...], Field(description="The columns of the model's input, in their order.")]
    fields: dict[str, CardField]
    metrics: dict[str, Metric]
    protocol: Annotated[str, Field(description="How the metrics were measured.")]
    penalty_c: Annotated[float, Field(gt=0, description="Inverse strength of the L2 penalty, as chosen.")]
    training: TrainingTable
    versions: Annotated[dict[str, str], Field(description="Of the programs that made the bundle.")]
    licence: str
    limits: tuple[str, ...]
    # Older bundles lack these fields, and can still be loaded.
    operating_point: Annotated[
        OperatingPoint | None, Field(description="A threshold for a stated sensitivity; predictions do not use it.")
    ] = None
    subgroups: Annotated[dict[str, Subgroup], Field(description="How good it is for some of the patients.")] = {}
    gaps: Annotated[
        dict[str, dict[str, Metric]],
        Field(description="Men less women, and older less younger patients, in each metric of `subgroups`."),
    ] = {}
    intended_use: Annotated[str, Field(description="What it is for.")] = ""
    misuse: Annotated[tuple[str, ...], Field(description="What it must not be used for.")] = ()
    citation: Annotated[str, Field(description="How to cite the table.")] = ""
    reference: Annotated[
        Reference | None, Field(description="How the training patients are spread, which later ones are compared with.")
    ] = None

    @property
    def trained_ranges(self) -> dict[str, tuple[float, float]]:
        """The smallest and the largest value in training of each measure that the model looks at."""
        return {name: field.trained_range for name, field in self.fields.items() if field.used and field.trained_range}
