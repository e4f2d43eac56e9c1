"""A session stands for a key on the pages, and for nothing that a page of ours did not send."""

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import httpx2
import pytest
from fastapi.routing import APIRoute
from redis import Redis

from api.pages import batches, jobs
from bench.local.keyed import Keyed, prefix_of
from core.ledger.key import Limits
from core.schema.patient import EXAMPLE

FILE = f"{','.join(EXAMPLE)}\n{','.join(map(str, EXAMPLE.values()))}\n".encode()
PAGES = [
    (method, route.path)
    for route in (*jobs.routes.routes, *batches.routes.routes)
    if isinstance(route, APIRoute) and "{id}" in route.path
    for method in route.methods or ()
]


@pytest.fixture(scope="module")
def key(keyed: Keyed) -> str:
    """A key with the usual scopes."""
    return keyed.make_key()


def enter(keyed: Keyed, key: str, **entered: str) -> httpx2.Response:
    """Return what is answered to who enters the key."""
    return httpx2.post(f"{keyed.url}/enter", data={"key": key, **entered}, headers={"Origin": keyed.url})


def cookie_of(entered: httpx2.Response) -> dict[str, str]:
    """Return the header by which the browser shows its session from then on."""
    return {"Cookie": entered.headers["Set-Cookie"].partition(";")[0]}


@pytest.mark.parametrize("next", ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", "/\t/x"])
def test_who_enters_is_sent_nowhere_else(keyed: Keyed, key: str, next: str) -> None:
    answer = enter(keyed, key, next=next)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize(
    "page",
    ["/jobs", "/jobs?state=failed&after=01a20707-a656-735e-87cb-2feb51005d0d", "/drift?hours=24", "/?sample=true"],
)
def test_who_is_sent_to_enter_comes_back_to_the_page_and_nothing_else_of_it_is_repeated(
    keyed: Keyed, key: str, page: str
) -> None:
    html = {"Accept": "text/html"}
    sent = httpx2.get(f"{keyed.url}{page}", headers=html)
    assert sent.status_code == 303
    form = httpx2.get(f"{keyed.url}{sent.headers['Location']}")
    [next] = re.findall(r'name="next" value="([^"]*)"', form.text)
    assert enter(keyed, key, next=unescape(next)).headers["Location"] == page
    for strange in (f"{page}/Meier", f"{page}{'&' if '?' in page else '?'}name=Meier", "/Meier", "/jobs?state=Meier"):
        assert "Meier" not in str(httpx2.get(f"{keyed.url}{strange}", headers=html).headers)
        told = httpx2.get(f"{keyed.url}/enter", params={"next": strange})
        assert (told.status_code, "Meier" in told.text) == (200, False)


def test_what_a_cookie_came_along_with_unasked_changes_nothing(keyed: Keyed, key: str) -> None:
    cookie = cookie_of(enter(keyed, key))
    host, _, port = keyed.url.rpartition(":")
    for origin in (None, "null", "https://elsewhere.example", f"{host}:{int(port) + 1}"):
        named = cookie | ({"Origin": origin} if origin else {})
        for path in ("/v1/jobs", "/v1/batches", "/batches", "/", "/enter", "/leave"):
            answer = httpx2.post(f"{keyed.url}{path}", headers=named, content=b"")
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:scoreline:problem:foreign-form"), path
    assert httpx2.get(f"{keyed.url}/v1/jobs", headers=cookie).status_code == 200
    own = httpx2.post(f"{keyed.url}/v1/jobs", headers=cookie | {"Origin": keyed.url}, json=EXAMPLE)
    assert own.status_code == 202


def test_no_page_shows_one_key_the_work_of_another(keyed: Keyed, key: str) -> None:
    theirs = cookie_of(enter(keyed, keyed.make_key())) | {"Origin": keyed.url, "Accept": "text/html"}
    with keyed.client(key) as client:
        ids = {
            "jobs": client.post("/v1/jobs", json=EXAMPLE).json()["id"],
            "batches": client.post("/v1/batches", content=FILE, headers={"Content-Type": "text/csv"}).json()["id"],
        }
        assert len(PAGES) == 8
        for method, path in PAGES:
            place = path.format(id=ids[path.split("/")[1]])
            assert httpx2.request(method, f"{keyed.url}{place}", headers=theirs).status_code == 404, place
        for kind, id in ids.items():
            assert id not in httpx2.get(f"{keyed.url}/{kind}", headers=theirs).text
            assert client.get(f"/v1/{kind}/{id}").json()["state"] != "canceled"


def test_what_a_page_follows_is_streamed_to_a_session(keyed: Keyed, key: str) -> None:
    with keyed.client(key) as client:
        id = client.post("/v1/jobs", json=EXAMPLE).json()["id"]
    told = httpx2.get(f"{keyed.url}/jobs/{id}/live", headers=cookie_of(enter(keyed, key)), timeout=30).text
    assert "event: end" in told


def test_who_has_left_is_known_no_more(keyed: Keyed, key: str) -> None:
    cookie = cookie_of(enter(keyed, key))
    assert httpx2.get(f"{keyed.url}/v1/jobs", headers=cookie).status_code == 200
    left = httpx2.post(f"{keyed.url}/leave", headers=cookie | {"Origin": keyed.url})
    assert (left.status_code, left.headers["Location"]) == (303, "/enter")
    assert httpx2.get(f"{keyed.url}/v1/jobs", headers=cookie).status_code == 401


def test_to_enter_a_key_is_a_request_of_that_key(keyed: Keyed) -> None:
    limited = keyed.make_key(limits=Limits(requests_per_s=5))
    assert enter(keyed, limited).status_code == 303
    begun_s = time.monotonic()
    answers = [enter(keyed, limited) for _ in range(30)]
    took_s = time.monotonic() - begun_s
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {303, 429}
    assert len(answers) - len(refused) <= 5 * (took_s + 1)
    assert refused[0].headers["Retry-After"] == "1"
    assert "5 times a second" in refused[0].text
    with Redis.from_url(keyed.redis_url) as redis:
        begun = [name for name in redis.scan_iter("sl:session:*") if redis.get(name) == prefix_of(limited).encode()]
    assert len(begun) == 1 + len(answers) - len(refused)


def test_who_guesses_is_not_looked_at_any_more_and_nobody_else_waits_for_that(keyed: Keyed, key: str) -> None:
    def guess(number: int, address: str = "192.0.2.7") -> int:
        shown = f"sl_{prefix_of(key)}_{number:048x}"
        headers = {"Origin": keyed.url, "X-Forwarded-For": address}
        return httpx2.post(f"{keyed.url}/enter", data={"key": shown}, headers=headers).status_code

    networks = ["192.0.2.7"] * 40, [f"2001:db8::{number:x}" for number in range(40)]  # who has one of these has all
    for addresses in networks:
        begun_s = time.monotonic()
        with ThreadPoolExecutor(8) as guessers:
            statuses = Counter(guessers.map(guess, range(40), addresses))
        assert set(statuses) == {401, 429}
        assert 10 <= statuses[401] <= 10 * (1 + (time.monotonic() - begun_s) // 10)
    assert guess(41, "192.0.2.8") == 401
    assert enter(keyed, key).status_code == 303
    known = {"Origin": keyed.url, "X-Forwarded-For": "192.0.2.7"}
    assert httpx2.post(f"{keyed.url}/enter", data={"key": key}, headers=known).status_code == 303


def test_over_https_the_cookie_is_secure(keyed: Keyed, key: str) -> None:
    headers = {"Origin": keyed.url.replace("http:", "https:"), "X-Forwarded-Proto": "https"}
    answer = httpx2.post(f"{keyed.url}/enter", data={"key": key}, headers=headers)
    assert re.search(r"; Secure\b", answer.headers["Set-Cookie"])
    assert "; Max-Age=43200" in answer.headers["Set-Cookie"]


def test_a_session_is_no_key_and_is_kept_as_a_hash_for_its_time(keyed: Keyed, key: str) -> None:
    secret = cookie_of(enter(keyed, key))["Cookie"].partition("=")[2]
    with Redis.from_url(keyed.redis_url) as redis:
        kept = {name: redis.ttl(name) for name in redis.scan_iter("sl:session:*")}
    assert kept
    assert all(0 < left_s <= 43_200 and secret.encode() not in name for name, left_s in kept.items())
    answer = httpx2.get(f"{keyed.url}/v1/jobs", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
