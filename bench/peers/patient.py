"""The patient that the peers take: Scoreline's fields, codes and bounds, declared as pydantic checks them fastest."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Patient(BaseModel):
    """One patient; a value that fits no patient is refused. Categories are given by their code."""

    model_config = ConfigDict(extra="forbid")

    age: Annotated[float, Field(ge=18, le=110)]
    sex: Literal[0, 1]
    cp: Literal[0, 1, 2, 3]
    trestbps: Annotated[float, Field(ge=60, le=260)]
    chol: Annotated[float, Field(ge=60, le=700)] | None = None
    fbs: Literal[0, 1]
    restecg: Literal[0, 1, 2]
    thalach: Annotated[float, Field(ge=40, le=230)]
    exang: Literal[0, 1]
    oldpeak: Annotated[float, Field(ge=-3, le=10)]
    slope: Literal[0, 1, 2]
    ca: Literal[0, 1, 2, 3] | None
    thal: Literal[1, 2, 3] | None
