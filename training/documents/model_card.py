"""The model card: `docs/model-card.md`, made of the released `card.json` and of nothing else."""

from core.schema.reference import Reference
from models.card import Card
from training.documents.markdown import GENERATED, grid, metrics_grid, tell_gaps, tell_groups

PAGE = """{generated}

# Model card: {card.name}

Version `{card.version}`; SHA-256 of `model.onnx`: `{card.model_sha256}`. {card.target}

The model is a logistic regression: the log-odds of the risk are a sum of one term for each of {used} fields. Its
penalty is C = {card.penalty_c:g}, chosen inside the training patients.

## Intended use

{card.intended_use}

## Misuse

{misuse}

## Data

{card.training.name}: {card.training.rows} patients, {card.training.positives} with the disease. SHA-256 of the table:
`{card.training.sha256}`. [data.md](data.md) explains its columns, [eda.md](eda.md) shows them.

## Metrics

{card.protocol}

{metrics}

[study.md](study.md) has the same for what else was tried, and how this model was chosen.

## Decisions

A risk of {card.threshold} or more is called disease. {card.threshold_rule}

Who would rather raise false alarms than miss disease may use {point.threshold} instead, which is made to find
{point.sensitivity:.0%} of the diseased. {point.method}

{operating}

## Conformal sets

Disease is ruled out below a risk of {card.conformal.disease_at_least}, no disease above
{card.conformal.no_disease_at_most}. {card.conformal.method}

## Subgroups

At the threshold of {card.threshold}. `surplus` is the share of the diseased less the mean risk: above 0 the risks of
the group are too low.

{subgroups}

Gaps, the first group less the second. None is corrected for how many were looked at.

{gaps}

What was tried against the gap between the sexes, and what it would cost, is in [study.md](study.md#mitigation).

## Reference for drift

{card.reference.method} [runbook.md](runbook.md#drift) says what is made of it.

{reference}

## Limits

{limits}

## Licence

{card.licence}

## Citation

{card.citation} The donors ask that the investigators be named: [training/data/README.md](../training/data/README.md).

## Versions

Made with {versions}.
"""


def tell_card(card: Card) -> str:
    """Return the model card. Raises ValueError for the card of an older bundle, which tells less."""
    if card.operating_point is None or card.reference is None:
        raise ValueError("this card tells too little for a model card; `python -m training release` makes it anew")
    return PAGE.format(
        generated=GENERATED,
        card=card,
        point=card.operating_point,
        used=sum(field.used for field in card.fields.values()),
        misuse=bullets(card.misuse),
        metrics=metrics_grid(card.metrics),
        operating=metrics_grid(card.operating_point.metrics),
        subgroups=tell_groups(card.subgroups),
        gaps=tell_gaps(card.gaps),
        reference=tell_reference(card.reference),
        limits=bullets(card.limits),
        versions=", ".join(f"{name} {version}" for name, version in card.versions.items()),
    )


def tell_reference(reference: Reference) -> str:
    """Return how the training patients are spread, a feature a line, as a table."""
    rows = [
        [name, "; ".join(f"{label}: {count:g}" for label, count in zip(bins.labels, bins.counts, strict=True))]
        for name, bins in reference.features.items()
    ]
    return grid(["feature", "patients"], rows)


def bullets(sentences: tuple[str, ...]) -> str:
    """Return sentences as a list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)
