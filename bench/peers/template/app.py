"""The gateway: `uvicorn bench.peers.template.app:app`, with CELERY_BROKER_URL and CELERY_RESULT_BACKEND set."""

from typing import Any

from celery.result import AsyncResult
from fastapi import FastAPI

from bench.peers.patient import Patient
from bench.peers.template.tasks import celery, score

app = FastAPI()


@app.post("/predict", status_code=202)
def submit(patient: Patient) -> dict[str, Any]:
    """Queue the patient."""
    return {"task_id": score.delay(patient.model_dump()).id}


@app.get("/result/{task_id}")
def read(task_id: str) -> dict[str, Any]:
    """Return the task's status, and its score once it succeeded."""
    task = AsyncResult(task_id, app=celery)
    status = task.status
    return {"task_id": task_id, "status": status, "result": task.result if status == "SUCCESS" else None}
