"""Drift: whether recent patients are like those that the model was trained on, feature by feature."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.errors import NoModel, NoReference, UnknownModel
from core.ledger.redis.histograms import EVERYONE, Histograms
from core.schema.reference import MISSING, Bins, Reference, ServedCard, bin_name
from monitoring.two_samples import doubt_one_population, measure_psi

HOURS = 24

PATIENTS_NEEDED = 100
"""Fewer are not compared, and not counted per bin: for a bin with a tenth of them, chi-squared needs some ten."""

DECIMALS = 4

PSI_LIMIT = 0.1
"""The index from which two populations count as different in practice.

Source: Siddiqi, "Credit Risk Scorecards" (2006): below 0.1 no significant change, above 0.25 a major shift.
"""

SIZE = 0.001
"""How often the test of all features together may reject patients of the reference's own population.

Small, since Prometheus asks again and again; each feature is tested at its share of it (Bonferroni).
"""


class Verdict(StrEnum):
    """What is said of a feature."""

    STABLE = "stable"
    DRIFTING = "drifting"
    TOO_FEW = "too few patients"


class Bin(BaseModel):
    """One bin of a feature."""

    model_config = ConfigDict(frozen=True)

    label: Annotated[str, Field(description="What it holds; a lower edge belongs to it.")]
    patients: Annotated[int | None, Field(description="Patients in it; not told of too few.")]
    share: Annotated[float | None, Field(description="Share of the patients; not told of too few.")]
    reference: Annotated[float, Field(description="Share of training's patients.")]


class FeatureDrift(BaseModel):
    """How one feature, or the risk, is spread, compared with the reference."""

    model_config = ConfigDict(frozen=True)

    feature: str
    verdict: Verdict
    psi: Annotated[
        float | None,
        Field(description="Population stability index, less what chance makes of it; null for too few patients."),
    ]
    p_value: Annotated[
        float | None,
        Field(description="Of the test that both are of one population; null for too few patients."),
    ]
    missing: Annotated[float | None, Field(description="Share in whom it was not measured; null for too few.")]
    missing_reference: Annotated[float, Field(description="Share of training's patients in whom it was not.")]
    bins: tuple[Bin, ...]


class Drift(BaseModel):
    """Whether the patients of some hours are like those that the model was trained on."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_version: str
    hours: Annotated[int, Field(description="Hours of the clock that are looked at, with the one that it is.")]
    since: datetime
    until: datetime
    patients: Annotated[int, Field(description="Patients whom this model scored in these hours.")]
    drifting: Annotated[tuple[str, ...], Field(description="The features that drift.")]
    features: tuple[FeatureDrift, ...]
    reference_patients: Annotated[int, Field(description="Training's patients.")]
    patients_needed: Annotated[int, Field(description="Of fewer nothing is said.")] = PATIENTS_NEEDED
    psi_limit: Annotated[
        float, Field(description="A feature drifts from this index on, if the test doubts it too.")
    ] = PSI_LIMIT
    size: Annotated[
        float, Field(description="Size of the test of all features together: how often it doubts without a cause.")
    ] = SIZE
    size_per_feature: Annotated[float, Field(description="A p-value below this doubts.")]


def watch_drift(histograms: Histograms, hours: int = HOURS, version: str | None = None, owner: str = EVERYONE) -> Drift:
    """Compare the patients of the last hours with the reference of the model of this version, or of the one served.

    `owner` restricts them to the patients of one owner.

    Raises UnknownModel, NoModel if no worker has started yet, NoReference for an older bundle, LedgerUnavailable.
    """
    known = version or histograms.served()
    if known is None:
        raise NoModel(retry_after_s=1)
    card = histograms.card(known)
    if card is None:
        raise UnknownModel if version else NoModel(retry_after_s=1)
    reference = read_card(card).reference
    if reference is None:
        raise NoReference
    counted = histograms.read(known, hours, owner)
    features = compare_features(reference, counted.bins)
    return Drift(
        model_version=known,
        hours=hours,
        since=counted.since,
        until=counted.until,
        patients=max(count_patients(name, bins, counted.bins) for name, bins in reference.features.items()),
        drifting=tuple(one.feature for one in features if one.verdict is Verdict.DRIFTING),
        features=features,
        reference_patients=reference.patients,
        size_per_feature=SIZE / len(features),
    )


@lru_cache(maxsize=8)
def read_card(card: bytes) -> ServedCard:
    """Return the parsed card; cached, since the same one is read again and again."""
    return ServedCard.model_validate_json(card)


def count_patients(feature: str, bins: Bins, counts: Mapping[str, int]) -> int:
    """Return the number of patients in all bins of a feature."""
    return sum(counts.get(bin_name(feature, label), 0) for label in bins.labels)


def compare_features(reference: Reference, counts: Mapping[str, int]) -> tuple[FeatureDrift, ...]:
    """Return the drift of each feature; `counts` holds the patients in each bin, by `bin_name`."""
    doubted_below = SIZE / len(reference.features)
    return tuple(
        compare_feature(name, bins, [counts.get(bin_name(name, label), 0) for label in bins.labels], doubted_below)
        for name, bins in reference.features.items()
    )


def compare_feature(name: str, bins: Bins, here: list[int], doubted_below: float) -> FeatureDrift:
    """Return the drift of one feature; `here` is the number of patients in each of its bins."""
    patients = sum(here)
    enough = patients >= PATIENTS_NEEDED
    expected = [round(count / sum(bins.counts), DECIMALS) for count in bins.counts]
    shares = [round(count / patients, DECIMALS) if enough else None for count in here]
    psi = measure_psi(here, bins.counts) if enough else None
    p_value = doubt_one_population(here, bins.counts) if enough else None
    may_miss = bins.labels[-1] == MISSING
    return FeatureDrift(
        feature=name,
        verdict=judge(psi, p_value, doubted_below),
        psi=None if psi is None else round(psi, DECIMALS),
        p_value=p_value,
        missing=shares[-1] if may_miss or not enough else 0.0,
        missing_reference=expected[-1] if may_miss else 0.0,
        bins=tuple(
            Bin(label=label, patients=count if enough else None, share=share, reference=of_reference)
            for label, count, share, of_reference in zip(bins.labels, here, shares, expected, strict=True)
        ),
    )


def judge(psi: float | None, p_value: float | None, doubted_below: float) -> Verdict:
    """Return the verdict: a feature drifts if its populations differ in practice and beyond chance."""
    if psi is None or p_value is None:
        return Verdict.TOO_FEW
    return Verdict.DRIFTING if psi >= PSI_LIMIT and p_value < doubted_below else Verdict.STABLE
