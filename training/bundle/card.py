"""The card: what is said of a released bundle."""

import hashlib
from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from core.schema.field import Field, Measure
from core.schema.patient import fields_of_patient
from core.schema.reference import Reference
from models.card import Card, CardField, Conformal, Metric, OperatingPoint, Subgroup, TrainingTable
from models.features import FEATURES, UNUSED
from training.data.table import Table
from training.evaluation.conformal import POINT_METHOD, SENSITIVITY
from training.evaluation.cross_validation import PROTOCOL
from training.metrics import THRESHOLD
from training.study.results import name_versions

RELEASE = "1.1.0"

INTENDED_USE = (
    "To show, study and test how risks are served: teaching, research on methods, load tests and demonstrations, with "
    "patients who are made up or public."
)

MISUSE = (
    "Diagnosis, triage, treatment, or telling anyone about their health: it is no medical device.",
    "People who were not sent for an angiogram: among them the disease is far rarer, and no chest pain is a good sign.",
    "Deciding on insurance, credit or employment.",
    "Reading a contribution as a cause: it says what the model adds up, not what would happen if a value changed.",
)

CITATION = (
    "Janosi, A., Steinbrunn, W., Pfisterer, M., Detrano, R. (1988). Heart Disease. UCI Machine Learning Repository. "
    "https://doi.org/10.24432/C52P4X. First used in Detrano, R., et al. (1989). International application of a new "
    "probability algorithm for the diagnosis of coronary artery disease. American Journal of Cardiology 64, 304-310."
)

LICENCE = "Model: MIT. Table: CC BY 4.0, Janosi, Steinbrunn, Pfisterer, Detrano (1988), doi 10.24432/C52P4X."

LIMITS = (
    "Fitted to 303 patients of one hospital, published in 1988, all of whom were sent for an angiogram: it says "
    "nothing of people who were not.",
    "Two thirds of them are men, and only three are younger than 35.",
    "Only 20 of them had three vessels coloured, too few to tell them from two: so three counts as two.",
    "Among the healthy it calls more men than women diseased, as men of this table are diseased twice as often.",
    "Never tested on patients of another hospital, or of this century.",
    "Not a medical device; not for decisions about patients.",
)


@dataclass(frozen=True)
class Findings:
    """What cross-validation finds: `found` of the operating point, whose threshold is `sensitive_threshold`."""

    metrics: dict[str, Metric]
    conformal: Conformal
    sensitive_threshold: float
    found: dict[str, Metric]
    subgroups: dict[str, Subgroup]
    gaps: dict[str, dict[str, Metric]]
    reference: Reference


def make_card(model: bytes, classifier: Pipeline, table: Table, findings: Findings) -> Card:
    """Return the card of the ONNX `model`, the classifier that it was made of, its table, and what was found of it."""
    sha256 = hashlib.sha256(model).hexdigest()
    return Card(
        name="Scoreline heart disease",
        version=f"{RELEASE}+{sha256[:8]}",
        model_sha256=sha256,
        target="Heart disease: a major vessel narrowed by more than 50 % on the angiogram.",
        threshold=THRESHOLD,
        threshold_rule="A convention, not a clinical choice: right only where a miss and a false alarm cost the same.",
        conformal=findings.conformal,
        features=FEATURES,
        fields={name: describe_field(name, field) for name, field in fields_of_patient().items()},
        metrics=findings.metrics,
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
        operating_point=OperatingPoint(
            sensitivity=float(SENSITIVITY),
            threshold=findings.sensitive_threshold,
            metrics=findings.found,
            method=POINT_METHOD,
        ),
        subgroups=findings.subgroups,
        gaps=findings.gaps,
        intended_use=INTENDED_USE,
        misuse=MISUSE,
        citation=CITATION,
        reference=findings.reference,
    )


def describe_field(name: str, field: Field) -> CardField:
    """Return one field of a patient as the card tells of it."""
    used = name not in UNUSED
    if isinstance(field, Measure):
        return CardField(used=used, nullable=field.nullable, unit=field.unit, trained_range=field.soft)
    return CardField(used=used, nullable=field.nullable, codes=field.names)
