"""The score: what the service says of one patient."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Describe

ScoreRow = tuple[float, bool]
"""What the ledger keeps of one score: the risk, and whether it reaches the model's threshold."""


class Score(BaseModel):
    """The risk of one patient, and the version of the model that said so."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    risk: Annotated[
        float,
        Describe(
            ge=0,
            le=1,
            description="Probability of heart disease: a major vessel narrowed by more than 50 %, as in the UCI table.",
        ),
    ]
    prediction: Annotated[
        Literal["disease", "no disease"],
        Describe(description="Whether the risk reaches the threshold on the model's card."),
    ]
    model_version: Annotated[str, Describe(description="Version of the released bundle that made this score.")]


def scores_from_rows(rows: Iterable[ScoreRow], model_version: str) -> list[Score]:
    """Return the scores that the ledger's rows stand for, in their order."""
    return [
        Score(risk=risk, prediction="disease" if disease else "no disease", model_version=model_version)
        for risk, disease in rows
    ]
