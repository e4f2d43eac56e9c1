"""Jobs over HTTP, against a whole real service."""

import json
import math
from typing import Any

import httpx2
import pytest

from bench.local.conditions import wait_until
from core.schema.patient import EXAMPLE

ENDED = {"succeeded", "failed", "canceled", "expired"}


def ended(client: httpx2.Client, location: str) -> dict[str, Any]:
    """Poll the job until it has ended, and return it."""

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = client.get(location).json()
        return job if job["state"] in ENDED else None

    return wait_until(look, within_s=20, what="the job to end")


def test_a_submitted_patient_is_scored(client: httpx2.Client) -> None:
    answer = client.post("/v1/jobs", json=EXAMPLE)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    job = ended(client, answer.headers["location"])
    assert job["state"] == "succeeded"
    [score] = job["scores"]
    assert 0 < score["risk"] < 1
    assert score["prediction"] == "no disease"
    assert score["model_version"]


def test_ten_submits_are_all_scored(client: httpx2.Client) -> None:
    answers = [client.post("/v1/jobs", json=EXAMPLE) for _ in range(10)]
    jobs = [ended(client, answer.headers["location"]) for answer in answers]
    assert [job["state"] for job in jobs] == ["succeeded"] * 10
    assert len({job["id"] for job in jobs}) == 10


def test_many_patients_are_one_job_with_their_scores_in_order(client: httpx2.Client) -> None:
    patients = [EXAMPLE | {"oldpeak": step / 10} for step in range(50)]
    job = ended(client, client.post("/v1/jobs", json={"patients": patients}).headers["location"])
    risks = [score["risk"] for score in job["scores"]]
    assert job["patients"] == len(risks) == 50
    assert risks == sorted(risks)
    assert len(set(risks)) == 50


def test_names_and_codes_mean_the_same_patient(client: httpx2.Client) -> None:
    names = {"sex": "female", "cp": "non-anginal", "restecg": "st-t", "slope": "down", "thal": "fixed", "ca": "none"}
    scores = [client.post("/api/prediction", json=EXAMPLE | more).json() for more in ({}, names, {"chol": 200})]
    assert scores[0] == scores[1] == scores[2]


@pytest.mark.parametrize("patient", [EXAMPLE | {"ca": None, "thal": None}, EXAMPLE | {"ca": 4, "thal": 0}])
def test_what_was_not_measured_may_be_null(client: httpx2.Client, patient: dict[str, float]) -> None:
    assert 0 < client.post("/api/prediction", json=patient).json()["risk"] < 1


def test_the_seeds_call_answers_the_score_itself(client: httpx2.Client) -> None:
    answer = client.post("/api/prediction", json=EXAMPLE)
    assert answer.status_code == 200
    assert set(answer.json()) == {"risk", "prediction", "conformal", "warnings", "model_version", "explanation"}
    assert answer.json()["explanation"] is None


@pytest.mark.parametrize("more", [{}, {"explain": "true"}])
def test_a_job_may_name_the_only_model_that_is_to_score_it(client: httpx2.Client, more: dict[str, str]) -> None:
    served = client.post("/api/prediction", json=EXAMPLE).json()["model_version"]
    named, other = {"model_version": served} | more, {"model_version": "0.9-canary"} | more
    for path in ("/v1/jobs", "/api/prediction"):
        assert client.post(path, params=named, json=EXAMPLE, headers={"Prefer": "wait=10"}).status_code == 200
    failed = ended(client, client.post("/v1/jobs", params=other, json=EXAMPLE).headers["location"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "model-not-served")
    refused = client.post("/api/prediction", params=other, json=EXAMPLE)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:scoreline:problem:model-not-served")
    for told in (failed["error"]["message"], refused.json()["detail"]):
        assert served in told
        assert "canary" not in told
    assert client.post("/v1/jobs", params={"model_version": "x" * 256}, json=EXAMPLE).status_code == 422


@pytest.mark.parametrize("patients", [1, 3])
def test_scores_are_explained_where_that_is_asked_for(client: httpx2.Client, patients: int) -> None:
    body = {"patients": [EXAMPLE | {"age": 34 + number} for number in range(patients)]}
    plain, explained = (
        client.post(f"/v1/jobs{query}", json=body, headers={"Prefer": "wait=10"}).json()["scores"]
        for query in ("?explain=false", "?explain=true")
    )
    for before, score in zip(plain, explained, strict=True):
        why = score["explanation"]
        assert before == score | {"explanation": None}
        assert set(EXAMPLE) < set(why["contributions"])
        assert why["baseline"] + sum(why["contributions"].values()) == pytest.approx(why["log_odds"], abs=1e-6)
        assert math.log(score["risk"] / (1 - score["risk"])) == pytest.approx(why["log_odds"], abs=1e-6)


def test_the_seeds_call_explains_as_well(client: httpx2.Client) -> None:
    score = client.post("/api/prediction?explain=true", json=EXAMPLE).json()
    assert score["explanation"]["log_odds"] == pytest.approx(math.log(score["risk"] / (1 - score["risk"])), abs=1e-6)


def test_a_patient_beyond_those_the_model_was_trained_on_is_scored_with_a_warning(client: httpx2.Client) -> None:
    score = client.post("/api/prediction", json=EXAMPLE | {"age": 90, "thalach": 60}).json()
    assert score["warnings"] == ["extrapolating: age", "extrapolating: thalach"]


def test_the_same_key_with_another_wish_to_explain_is_another_request(client: httpx2.Client) -> None:
    headers = {"Idempotency-Key": '"explained-or-not"'}
    first, again = (client.post("/v1/jobs?explain=true", json=EXAMPLE, headers=headers) for _ in range(2))
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    other = client.post("/v1/jobs", json=EXAMPLE, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:scoreline:problem:idempotency-key-reused")


def test_a_repeat_with_the_same_key_is_the_same_job(client: httpx2.Client) -> None:
    headers = {"Idempotency-Key": '"a-key-of-this-test"'}
    first = client.post("/v1/jobs", json=EXAMPLE, headers=headers)
    ended(client, first.headers["location"])
    again = client.post("/v1/jobs", json=EXAMPLE, headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["scores"]
    other = client.post("/v1/jobs", json=EXAMPLE | {"age": 40}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:scoreline:problem:idempotency-key-reused")


def test_a_job_that_ended_cannot_be_canceled_but_can_be_erased(client: httpx2.Client) -> None:
    location = client.post("/v1/jobs", json=EXAMPLE).headers["location"]
    ended(client, location)
    assert client.post(f"{location}/cancel").status_code == 409
    assert client.delete(location).status_code == 204
    for answer in (client.get(location), client.delete(location), client.post(f"{location}/cancel")):
        assert answer.status_code == 404


def test_jobs_are_listed_in_pages(client: httpx2.Client) -> None:
    made = [client.post("/v1/jobs", json=EXAMPLE).headers["location"] for _ in range(3)]
    for location in made:
        ended(client, location)
    first = client.get("/v1/jobs", params={"state": "succeeded", "limit": 2}).json()
    assert [f"/v1/jobs/{job['id']}" for job in first["data"]] == [made[2], made[1]]
    assert first["has_more"]
    rest = client.get("/v1/jobs", params={"state": "succeeded", "limit": 1, "after": first["last_id"]}).json()
    assert [f"/v1/jobs/{job['id']}" for job in rest["data"]] == [made[0]]


def test_the_document_of_the_api_names_every_field_with_its_unit(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    patient, _ = (schemas[choice["$ref"].rpartition("/")[2]] for choice in body["anyOf"])
    assert set(EXAMPLE) <= set(patient["properties"])
    assert patient["properties"]["trestbps"]["x-unit"] == "mmHg"
    assert all(field["description"] for field in patient["properties"].values())
    for path in ("/v1/jobs", "/api/prediction"):
        asked = {query["name"]: query["schema"] for query in document["paths"][path]["post"]["parameters"]}
        assert asked["explain"]["default"] is False


def test_the_documentation_page_needs_no_other_server(client: httpx2.Client) -> None:
    page = client.get("/docs").text
    links = [part.split('"')[0] for mark in ('src="', 'href="') for part in page.split(mark)[1:]]
    assert links
    for link in links:
        assert link.startswith("/")
        assert client.get(link).status_code == 200


def test_no_answer_says_what_serves_it(client: httpx2.Client) -> None:
    assert "server" not in client.get("/health/live").headers
    assert json.loads(client.get("/health/live").text) == {"status": "live"}
