"""The description: what the card of a released bundle says."""

import hashlib
import platform

import numpy as np
import onnx
import sklearn
from sklearn.pipeline import Pipeline

from contract.field import Field, Measure
from contract.patient import fields_of_patient
from models.card import Card, CardField, Conformal, Metric, TrainingTable
from models.features import FEATURES, UNUSED
from training.evaluation import PROTOCOL
from training.metrics import THRESHOLD
from training.table import Table

RELEASE = "1.0.0"

LICENCE = "Model: MIT. Table: CC BY 4.0, Janosi, Steinbrunn, Pfisterer, Detrano (1988), doi 10.24432/C52P4X."

LIMITS = (
    "Fitted to 303 patients of one hospital, published in 1988, all of whom were sent for an angiogram: it says "
    "nothing of people who were not.",
    "Two thirds of them are men, and only three are younger than 35.",
    "Only 20 of them had three vessels coloured: three raises the risk above none, but less than two does.",
    "Never tested on patients of another hospital, or of this century.",
    "Not a medical device; not for decisions about patients.",
)


def make_card(
    model: bytes, classifier: Pipeline, table: Table, metrics: dict[str, Metric], conformal: Conformal
) -> Card:
    """Return the card of the ONNX `model`, the classifier that it was made of, its table, its metrics and its sets."""
    sha256 = hashlib.sha256(model).hexdigest()
    return Card(
        name="Scoreline heart disease",
        version=f"{RELEASE}+{sha256[:8]}",
        model_sha256=sha256,
        target="Heart disease: a major vessel narrowed by more than 50 % on the angiogram.",
        threshold=THRESHOLD,
        threshold_rule="A convention, not a clinical choice: right only where a miss and a false alarm cost the same.",
        conformal=conformal,
        features=FEATURES,
        fields={name: describe_field(name, field) for name, field in fields_of_patient().items()},
        metrics=metrics,
        protocol=PROTOCOL,
        penalty_c=round(float(classifier.named_steps["regression"].C_), 6),
        training=TrainingTable(
            name="UCI Heart Disease, Cleveland",
            sha256=table.sha256,
            rows=len(table.rows),
            positives=int(table.outcome.sum()),
        ),
        versions=name_versions(),
        licence=LICENCE,
        limits=LIMITS,
    )


def describe_field(name: str, field: Field) -> CardField:
    """Return one field of a patient as the card tells of it."""
    used = name not in UNUSED
    if isinstance(field, Measure):
        return CardField(used=used, nullable=field.nullable, unit=field.unit, trained_range=field.soft)
    return CardField(used=used, nullable=field.nullable, codes=field.names)


def name_versions() -> dict[str, str]:
    """Return the versions of what made the bundle; of Python without the patch, which the lock leaves open."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "onnx": onnx.__version__,
    }
