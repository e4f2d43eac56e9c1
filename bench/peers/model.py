"""The peers' model: a scikit-learn pipeline over Scoreline's features, fitted to the same table, pickled with joblib.

`python -m bench.peers.model PATH` fits it and writes it to PATH.
"""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.peers.codes import CODES, MEASURES

TABLE = Path(__file__).parents[2] / "training" / "data" / "cleveland.csv"
THRESHOLD = 0.5


def to_row(patient: Mapping[str, Any]) -> list[float]:
    """Return the patient's 27 features: the measures, then 1 or 0 for every code; what was not measured has no 1.

    Written out, where tutorials mostly take a data frame and a ColumnTransformer with a OneHotEncoder: those cost 3 ms
    a patient, ten times what the model does.
    """
    codes = [float(patient[name] == code) for name, codes in CODES.items() for code in codes]
    return [patient[name] for name in MEASURES] + codes


def to_matrix(patients: list[Mapping[str, Any]]) -> NDArray[np.float64]:
    """Return the n patients as the (n, 27) matrix that the model reads."""
    return np.array([to_row(patient) for patient in patients], dtype=np.float64)


def fit() -> Pipeline:
    """Return the pipeline, fitted to the table."""
    with TABLE.open(newline="") as file:
        rows = [{name: float(text or "nan") for name, text in row.items()} for row in csv.DictReader(file)]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return pipeline.fit(to_matrix(rows), [row["target"] == 1 for row in rows])


def load(path: str) -> Pipeline:
    """Return the pipeline that was written to `path`."""
    return joblib.load(path)


def score(model: Pipeline, patient: Mapping[str, Any]) -> dict[str, Any]:
    """Return the score of one patient."""
    risk = float(model.predict_proba(to_matrix([patient]))[0, 1])
    return {"risk": risk, "prediction": "disease" if risk >= THRESHOLD else "no disease"}


if __name__ == "__main__":
    joblib.dump(fit(), sys.argv[1])
