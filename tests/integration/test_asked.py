"""A parameter that a call does not know is refused, wherever it is sent, and what was sent is not repeated."""

from collections.abc import Iterator

import httpx2
import pytest

from bench.local.keyed import Keyed
from core.schema.patient import EXAMPLE

ID = "01a20707-a656-735e-87cb-2feb51005d0d"
CANARY = "Meier-145"


@pytest.fixture(scope="module")
def caller(keyed: Keyed) -> Iterator[httpx2.Client]:
    """A client with a key that allows all but to be an operator."""
    with keyed.client(keyed.make_key()) as client:
        yield client


def refusal(answer: httpx2.Response) -> str:
    """Return what is said of the one unknown parameter."""
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "urn:scoreline:problem:invalid-query"
    [fault] = answer.json()["errors"]
    assert (fault["field"], fault["code"]) == ("query", "unknown_parameter")
    assert CANARY not in answer.text
    return str(fault["message"])


def test_every_call_that_the_document_names_refuses_a_parameter_that_it_does_not_name(caller: httpx2.Client) -> None:
    paths = caller.get("/openapi.json").json()["paths"]
    tried = 0
    for path, calls in paths.items():
        for method, call in calls.items():
            if path.startswith("/health"):
                continue
            place = path.format(id=ID, version="1.0.0")
            said = refusal(caller.request(method.upper(), place, params={CANARY: CANARY}))
            known = [one["name"] for one in call.get("parameters", ()) if one["in"] == "query"]
            assert all(name in said for name in known), (method, path)
            assert ("takes none" in said) == (not known)
            assert "422" in call["responses"]
            tried += 1
    assert tried >= 18


@pytest.mark.parametrize("sent", ["explian", "Explain", "explain_", "EXPLAIN "])
@pytest.mark.parametrize("path", ["/v1/jobs", "/api/prediction"])
def test_a_misspelt_parameter_of_a_submit_is_told_of_and_nothing_is_scored(
    caller: httpx2.Client, path: str, sent: str
) -> None:
    before = caller.get("/v1/jobs", params={"limit": 1}).json()
    assert "; explain may be meant" in refusal(
        caller.post(path, params={"model_version": "x", sent: "1"}, json=EXAMPLE)
    )
    assert caller.get("/v1/jobs", params={"limit": 1}).json() == before


def test_all_of_them_are_told_of_by_their_places_though_not_without_end(caller: httpx2.Client) -> None:
    query = "&".join([f"{CANARY}{number}" for number in range(20)])
    answer = caller.get(f"/v1/jobs?limit=1&{query}")
    assert answer.status_code == 422
    assert [fault["message"].split(",")[1] for fault in answer.json()["errors"]] == [
        f" number {place}" for place in range(2, 10)
    ]
    assert "8 of 20" in answer.json()["detail"]
    assert CANARY not in answer.text


def test_an_empty_query_is_none(caller: httpx2.Client) -> None:
    for path in ("/v1/jobs?", "/v1/jobs?&", "/v1/jobs?limit=1&", "/v1/model?"):
        assert caller.get(path).status_code == 200, path


def test_a_wrong_method_is_told_first(caller: httpx2.Client) -> None:
    assert caller.put("/v1/jobs", params={CANARY: "1"}).status_code == 405
