"""Submits one job at a time, and waits for what becomes of it."""

from functools import partial
from uuid import uuid4

import httpx2

from bench.local.conditions import wait_until
from tests.faults.cohort import body
from tests.faults.house import House

ACCEPTED_WITHIN_S = 60


def submit(house: House, cases: list[dict[str, float]], **parameters: str) -> str:
    """Submit the patients as one job, again and again under the same key until it is accepted, and return its id."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f'"{uuid4()}"'}
    attempt = partial(_attempt, house, body(cases), headers, parameters)
    return wait_until(attempt, within_s=ACCEPTED_WITHIN_S, what="a submit to be accepted")


def is_scored(house: House, id: str) -> bool:
    """Whether the job is known to have succeeded."""
    job = house.get(f"/v1/jobs/{id}")
    return bool(job) and job["state"] == "succeeded"


def _attempt(house: House, sent: bytes, headers: dict[str, str], parameters: dict[str, str]) -> str | None:
    try:
        answer = house.client.post("/v1/jobs", content=sent, headers=headers, params=parameters)
    except httpx2.TransportError:
        return None
    return str(answer.json()["id"]) if answer.status_code == 202 else None
