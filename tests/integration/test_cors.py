"""Pages of other origins may call the gateway only where they are named, and then without cookies."""

from collections.abc import Iterator

import httpx2
import pytest

from bench.local.programs import LoneGateway, gateway, valkey
from core.schema.patient import EXAMPLE

WARD, STRANGER = "https://ward.example", "https://stranger.example"
ALLOWED = "access-control-allow-origin"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that pages of one other origin may call."""
    folder = tmp_path_factory.mktemp("cors")
    with (
        valkey(folder / "valkey") as redis_url,
        gateway(folder, SCORELINE_REDIS_URL=redis_url, SCORELINE_CORS_ORIGINS=WARD, SCORELINE_API_KEYS="off") as url,
    ):
        yield url


def call(url: str, origin: str) -> httpx2.Response:
    """Submit a patient as a page of the origin would."""
    return httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})


def ask(url: str, origin: str) -> httpx2.Response:
    """Ask first whether it may, as a browser does."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return httpx2.options(f"{url}/v1/jobs", headers={"Origin": origin, **asked})


def test_a_page_of_a_named_origin_may_call_and_read_the_answer(url: str) -> None:
    assert ask(url, WARD).headers[ALLOWED] == WARD
    answer = call(url, WARD)
    assert (answer.status_code, answer.headers[ALLOWED]) == (202, WARD)
    assert "access-control-allow-credentials" not in answer.headers


def test_a_page_of_any_other_origin_may_not(url: str) -> None:
    assert ALLOWED not in ask(url, STRANGER).headers
    answer = call(url, STRANGER)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:scoreline:problem:foreign-form")
    assert ALLOWED not in answer.headers


def test_without_a_named_origin_none_may(lone_gateway: LoneGateway) -> None:
    assert ALLOWED not in ask(lone_gateway.url, WARD).headers
    assert call(lone_gateway.url, WARD).status_code == 403
