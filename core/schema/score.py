"""The score: the service's answer about one patient."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict
from pydantic import Field as Describe

from core.schema.patient import COLUMNS

Label = Literal["disease", "no disease"]

ScoreRow = tuple[float, int, *tuple[Any, ...]]
"""A score as the ledger stores it, in JSON: the risk, the index of its prediction in `PREDICTIONS` and of its conformal
set in `SETS`, its warnings, its explanation as [baseline, terms in the order of `COLUMNS`, log-odds].

Trailing values may be omitted if they are empty.
"""

PREDICTIONS: tuple[Label, Label] = ("no disease", "disease")
"""The predictions: no disease below the model's threshold, disease at and above it."""

SETS: tuple[tuple[Label, ...], ...] = (("disease", "no disease"), ("no disease",), ("disease",), ())
"""The conformal sets. Bit 0 of a set's index is 1 if disease is ruled out, bit 1 if no disease is ruled out."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the risk comes about: `baseline` and all `contributions` together are `log_odds`, to within 1e-6."""

    baseline: Annotated[
        float, Describe(description="Log-odds that the model gives the mean patient of its training table.")
    ]
    contributions: Annotated[
        dict[str, float],
        Describe(
            description="What each field adds to the log-odds, compared with the mean patient: above 0 it speaks for "
            "disease. A field that the model does not use adds 0; one that was not measured may add something."
        ),
    ]
    log_odds: Annotated[float, Describe(description="ln(risk / (1 - risk)), before the risk is rounded.")]


@dataclass(frozen=True, slots=True)
class Score:
    """The risk of one patient, how sure it is, and the version of the model that said so."""

    # A dataclass, since pydantic's models take twice as long to make, and a job may hold 10,000 of these.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(json_schema_serialization_defaults_required=True)

    risk: Annotated[
        float,
        Describe(
            ge=0,
            le=1,
            description="Probability of heart disease: a major vessel narrowed by more than 50 %, as in the UCI table.",
        ),
    ]
    prediction: Annotated[Label, Describe(description="Whether the risk reaches the threshold on the model's card.")]
    conformal: Annotated[
        tuple[Label, ...],
        Describe(
            description="What cannot be ruled out: of the patients of either kind, this set names the right one for "
            "90 %. Both: the model cannot tell. None: the patient is unlike either kind."
        ),
    ]
    model_version: Annotated[str, Describe(description="Version of the released bundle that made this score.")]
    warnings: Annotated[
        tuple[str, ...],
        Describe(
            description="`extrapolating: age`, or another measure: it lies outside what the model was trained on."
        ),
    ] = ()
    explanation: Annotated[
        Explanation | None, Describe(description="How the risk comes about; null unless asked for by `explain=true`.")
    ] = None


def scores_from_rows(rows: Iterable[ScoreRow], model_version: str) -> list[Score]:
    """Return the scores of the ledger's rows, in their order."""
    return [score_from_row(model_version, *row) for row in rows]


def score_from_row(
    model_version: str,
    risk: float,
    predicted: int,
    ruled_out: int = 0,
    warnings: Sequence[str] = (),
    explanation: tuple[float, Sequence[float], float] | None = None,
) -> Score:
    """Return the score of one row. If a row omits its conformal set, nothing is ruled out."""
    named = explain(*explanation) if explanation else None
    return Score(risk, PREDICTIONS[predicted], SETS[ruled_out], model_version, tuple(warnings), named)


def explain(baseline: float, terms: Sequence[float], log_odds: float) -> Explanation:
    """Return the explanation of terms in the order of `COLUMNS`."""
    return Explanation(baseline, dict(zip(COLUMNS, terms, strict=True)), log_odds)
