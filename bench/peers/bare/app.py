"""Bare HTTP: `uvicorn bench.peers.bare.app:app`."""

from fastapi import FastAPI

from core.schema.patient import Patient
from core.schema.score import Label, Score

app = FastAPI()


@app.post("/predict")
async def check(patient: Patient) -> Score:
    """Check the patient, and answer in the shape of a score what is none: the age as a share of the oldest allowed."""
    risk = patient.age / 110
    prediction: Label = "disease" if risk >= 0.5 else "no disease"
    return Score(risk=risk, prediction=prediction, conformal=(prediction,), model_version="none")
