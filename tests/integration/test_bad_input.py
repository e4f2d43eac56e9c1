"""What the gateway answers to what it cannot take: one problem that names everything wrong, and no patient's value."""

from typing import Any

import httpx2
import pytest

from core.schema.patient import EXAMPLE
from core.settings import Settings

JSON = {"Content-Type": "application/json"}
SECRET = 54.321  # a value that no problem may repeat


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """Check that the answer is a problem of this status, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:scoreline:problem:")
    assert body["title"]
    assert body["detail"].endswith(".")
    return body


def faults(answer: httpx2.Response) -> dict[str, str]:
    """Return the code of each field that the problem names."""
    return {fault["field"]: fault["code"] for fault in problem(answer, 422)["errors"]}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("age", 17, "out_of_bounds"),
        ("age", 111, "out_of_bounds"),
        ("age", "54", "wrong_type"),
        ("age", True, "wrong_type"),
        ("age", [54], "wrong_type"),
        ("age", None, "null"),
        ("age", 10**400, "out_of_bounds"),
        ("sex", 2, "unknown_code"),
        ("sex", "man", "unknown_code"),
        ("sex", True, "wrong_type"),
        ("sex", None, "null"),
        ("cp", 1.5, "unknown_code"),
        ("cp", {}, "wrong_type"),
        ("ca", -1, "unknown_code"),
        ("thal", 6, "unknown_code"),
        ("thal", 7, "unknown_code"),
        ("chol", 20, "out_of_bounds"),
    ],
)
def test_a_bad_field_is_named_with_its_rule(client: httpx2.Client, field: str, value: object, code: str) -> None:
    assert faults(client.post("/v1/jobs", json=EXAMPLE | {field: value})) == {field: code}


def test_a_name_that_is_no_field_is_told_by_its_place_and_not_repeated(client: httpx2.Client) -> None:
    sent = {"weight": 80, "Sex ": 1, "cholesterol": 200}
    for name, value in sent.items():
        answer = client.post("/v1/jobs", json=EXAMPLE | {name: value})
        [fault] = problem(answer, 422)["errors"]
        assert (fault["field"], fault["code"]) == ("patient", "unknown_field")
        assert fault["message"].startswith(f"has a member, number {len(EXAMPLE) + 1}, that no patient has")
        assert ("; sex may be meant" in fault["message"]) == (name == "Sex ")
        assert name not in answer.text
    patients = [EXAMPLE, {"first": 1} | EXAMPLE | sent]
    [fault] = problem(client.post("/v1/jobs", json={"patients": patients}), 422)["errors"]
    assert fault["field"] == "patients[1]"
    assert fault["message"] == "has members, numbers 1, 14, 15 and 16, that no patient has"
    [fault] = problem(client.post("/v1/jobs", json={"patients": [EXAMPLE], "weight": 1}), 422)["errors"]
    assert (fault["field"], fault["code"]) == ("body", "unknown_field")


def test_faults_that_are_not_listed_are_counted_as_those_that_are(client: httpx2.Client) -> None:
    bad = EXAMPLE | {"age": 5, "weight": 1, "height": 2, "name": 3}
    body = problem(client.post("/v1/jobs", json={"patients": [bad] * 600}), 422)
    assert len(body["errors"]) == 1_000
    assert "1000 of 1200" in body["detail"]


@pytest.mark.parametrize(("field", "value", "unit"), [("trestbps", 17.25, "kPa"), ("chol", 5.25, "mmol/L")])
def test_a_value_in_another_unit_is_told_of_and_not_repeated(
    client: httpx2.Client, field: str, value: float, unit: str
) -> None:
    answer = client.post("/v1/jobs", json=EXAMPLE | {field: value})
    [fault] = problem(answer, 422)["errors"]
    assert (fault["field"], fault["code"]) == (field, "out_of_bounds")
    assert f"looks like {unit}: 1 {unit} is" in fault["message"]
    assert str(value) not in answer.text


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(client: httpx2.Client, literal: str) -> None:
    body = httpx2.Request("POST", "http://x", json=EXAMPLE).content.replace(
        b'"oldpeak":3.5', f'"oldpeak":{literal}'.encode()
    )
    assert literal.encode() in body
    assert faults(client.post("/v1/jobs", content=body, headers=JSON)) == {"oldpeak": "not_finite"}


@pytest.mark.parametrize("field", EXAMPLE)
def test_a_missing_field_is_named(client: httpx2.Client, field: str) -> None:
    patient = {name: value for name, value in EXAMPLE.items() if name != field}
    assert faults(client.post("/v1/jobs", json=patient)) == {field: "missing"}


def test_every_bad_field_of_every_patient_is_named_at_once(client: httpx2.Client) -> None:
    patients = [EXAMPLE, EXAMPLE | {"age": 5, "cp": 9}, EXAMPLE | {"oldpeak": "x"}]
    assert faults(client.post("/v1/jobs", json={"patients": patients})) == {
        "patients[1].age": "out_of_bounds",
        "patients[1].cp": "unknown_code",
        "patients[2].oldpeak": "wrong_type",
    }


@pytest.mark.parametrize("patients", [[], "x", None, {}, [EXAMPLE] * 10_001])
def test_the_number_of_patients_is_bounded(client: httpx2.Client, patients: object) -> None:
    assert faults(client.post("/v1/jobs", json={"patients": patients})) == {"patients": "out_of_bounds"}


def test_a_long_list_of_faults_is_cut_and_says_so(client: httpx2.Client) -> None:
    body = problem(client.post("/v1/jobs", json={"patients": [{}] * 200}), 422)
    assert len(body["errors"]) == 1_000
    assert "1000 of 2400" in body["detail"]


@pytest.mark.parametrize("path", ["/v1/jobs", "/api/prediction"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"age": "\\ud800"}', b"age=54"])
def test_a_body_that_is_not_json_is_refused(client: httpx2.Client, path: str, body: bytes) -> None:
    assert problem(client.post(path, content=body, headers=JSON), 400)["type"].endswith("not-json")


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"'])
def test_json_that_is_no_patient_is_refused(client: httpx2.Client, body: bytes) -> None:
    problem(client.post("/v1/jobs", content=body, headers=JSON), 422)


@pytest.mark.parametrize("path", ["/v1/jobs", "/api/prediction"])
@pytest.mark.parametrize("media_type", ["text/csv", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_refused(client: httpx2.Client, path: str, media_type: str) -> None:
    problem(client.post(path, content=b"{}", headers={"Content-Type": media_type}), 415)


@pytest.mark.parametrize("path", ["/v1/jobs", "/api/prediction"])
def test_a_body_that_is_too_large_is_refused(client: httpx2.Client, path: str) -> None:
    body = b" " * (Settings().body_limit_bytes + 1)
    problem(client.post(path, content=body, headers=JSON), 413)
    problem(client.post(path, content=iter([body[: len(body) // 2]] * 3), headers=JSON), 413)


@pytest.mark.parametrize("id", ["x", "01a20707-a656-735e-87cb-2feb51005d0d", "%00", "0" * 5_000])
def test_an_unknown_job_is_not_found(client: httpx2.Client, id: str) -> None:
    problem(client.get(f"/v1/jobs/{id}"), 404)


def test_an_unknown_address_and_method_are_problems_too(client: httpx2.Client) -> None:
    problem(client.get("/v1/nothing"), 404)
    assert problem(client.put("/v1/jobs"), 405)
    assert {"state", "limit", "after"} == set(faults(client.get("/v1/jobs?state=x&limit=0&after=y")))


@pytest.mark.parametrize("path", ["/v1/jobs", "/api/prediction"])
def test_a_wish_to_explain_that_cannot_be_read_is_refused(client: httpx2.Client, path: str) -> None:
    answer = client.post(f"{path}?explain=maybe", json=EXAMPLE)
    assert problem(answer, 422)["type"] == "urn:scoreline:problem:invalid-query"
    assert faults(answer) == {"explain": "bool_parsing"}


@pytest.mark.parametrize(
    "headers", [{"Cancel-After": "soon"}, {"Cancel-After": "0s"}, {"Cancel-After": "99999h"}, {"Idempotency-Key": '""'}]
)
def test_a_bad_header_is_refused(client: httpx2.Client, headers: dict[str, str]) -> None:
    body = problem(client.post("/v1/jobs", json=EXAMPLE, headers=headers), 400)
    assert next(iter(headers)) in body["detail"]


def test_no_problem_repeats_a_patients_value(client: httpx2.Client) -> None:
    for field in EXAMPLE:
        for value in (SECRET, str(SECRET), [SECRET], {"x": SECRET}):
            assert str(SECRET) not in client.post("/v1/jobs", json=EXAMPLE | {field: value, "more": SECRET}).text
