"""Who shows a key is let in as far as it allows; nobody else is."""

import re
import threading

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed, prefix_of
from bench.local.programs import gateway, start_python, stop
from core.ledger.key import USUAL, Limits, Scope, make_key
from core.ledger.redis.access.keyring import Keyring
from core.schema.patient import EXAMPLE

FILE = {"Content-Type": "text/csv"}


@pytest.fixture(scope="module")
def key(keyed: Keyed) -> str:
    """A key with the usual scopes."""
    return keyed.make_key()


def test_a_key_scores_a_patient_and_reads_the_job(keyed: Keyed, key: str) -> None:
    with keyed.client(key) as client:
        assert client.post("/api/prediction", json=EXAMPLE).status_code == 200
        job = client.post("/v1/jobs", json=EXAMPLE)
        assert job.status_code == 202
        assert client.get(job.headers["Location"]).json()["id"] == job.json()["id"]


@pytest.mark.parametrize(
    ("authorization", "type", "challenge"),
    [
        (None, "missing-key", 'Bearer realm="scoreline"'),
        ("Basic dXNlcjpwYXNz", "missing-key", 'Bearer realm="scoreline"'),
        ("Bearer", "refused-key", 'Bearer realm="scoreline", error="invalid_token"'),
        ("Bearer sl_nothing", "refused-key", 'Bearer realm="scoreline", error="invalid_token"'),
        (f"Bearer sl_{'0' * 8}_{'0' * 48}", "refused-key", 'Bearer realm="scoreline", error="invalid_token"'),
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/api/prediction", "/v1/batches", "/v1/nothing"])
def test_a_request_without_a_valid_key_is_challenged(
    keyed: Keyed, path: str, authorization: str | None, type: str, challenge: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = httpx2.post(f"{keyed.url}{path}", json=EXAMPLE, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, f"urn:scoreline:problem:{type}")
    assert answer.headers["WWW-Authenticate"] == challenge
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_wrong_secret_is_refused_as_an_unknown_prefix_is(keyed: Keyed, key: str) -> None:
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    answers = [
        httpx2.get(f"{keyed.url}/v1/jobs", headers={"Authorization": f"Bearer {shown}", "X-Request-ID": "same"})
        for shown in (wrong, f"sl_{'0' * 8}_{'0' * 48}")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].content == answers[1].content


def test_two_authorizations_are_a_bad_request(keyed: Keyed, key: str) -> None:
    headers = [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")]
    answer = httpx2.get(f"{keyed.url}/v1/jobs", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:scoreline:problem:bad-header")


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.SCORE, {"score"}),
        (Scope.BATCH, {"batch"}),
        (Scope.READ, {"read"}),
        (Scope.ADMIN, {"score", "batch", "read", "admin"}),
    ],
)
def test_a_key_allows_what_its_scope_says_and_the_refusal_names_what_is_missing(
    keyed: Keyed, scope: Scope, allowed: set[str]
) -> None:
    with keyed.client(keyed.make_key([scope])) as client:
        answers = {
            "score": client.post("/v1/jobs", json=EXAMPLE),
            "batch": client.post("/v1/batches", content=b"not,a,patient\n", headers=FILE),
            "read": client.get("/v1/jobs"),
            "admin": client.post("/v1/nothing"),
        }
        for wanted, answer in answers.items():
            assert (answer.status_code != 403) == (wanted in allowed)
            if answer.status_code == 403:
                assert answer.json()["type"] == "urn:scoreline:problem:missing-scope"
                assert f"`{wanted}`" in answer.json()["detail"]
                assert f'scope="{wanted}"' in answer.headers["WWW-Authenticate"]


def test_a_revoked_key_is_refused_within_a_second_and_an_expired_one_when_its_time_is_over(keyed: Keyed) -> None:
    revoked, expiring = keyed.make_key(), keyed.make_key(lasts_s=4)
    with keyed.client(revoked) as first, keyed.client(expiring) as second:
        assert [client.get("/v1/jobs").status_code for client in (first, second)] == [200, 200]
        keyed.revoke(revoked)
        wait_until(lambda: first.get("/v1/jobs").status_code == 401, within_s=1.2, what="the revoked key to be refused")
        wait_until(lambda: second.get("/v1/jobs").status_code == 401, within_s=6, what="the expired key to be refused")


def test_what_says_nothing_of_any_patient_is_open(keyed: Keyed) -> None:
    for path in ("/health/live", "/health/ready", "/docs", "/openapi.json"):
        assert httpx2.get(f"{keyed.url}{path}").status_code == 200, path


def test_the_document_says_what_scope_each_call_needs(keyed: Keyed) -> None:
    document = httpx2.get(f"{keyed.url}/openapi.json").json()
    assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    assert document["paths"]["/v1/jobs"]["post"]["security"] == [{"ApiKey": ["score"]}]
    assert document["paths"]["/v1/batches/{id}"]["delete"]["security"] == [{"ApiKey": ["batch"]}]
    assert document["paths"]["/health/ready"]["get"]["security"] == []
    assert {"401", "403"} <= set(document["paths"]["/v1/jobs"]["get"]["responses"])


def test_a_known_key_is_served_at_once_while_others_are_guessed(keyed: Keyed, key: str) -> None:
    guesses = [f"sl_{prefix_of(key)}_{number:048x}" for number in range(200)]
    refused: list[int] = []

    def guess() -> None:
        with httpx2.Client(base_url=keyed.url) as client:
            for guess in guesses:
                answer = client.get("/v1/jobs", headers={"Authorization": f"Bearer {guess}"})
                refused.append(answer.status_code)

    guesser = threading.Thread(target=guess)
    with keyed.client(key) as client:
        assert client.get("/v1/jobs").status_code == 200
        guesser.start()
        slowest_s = max(client.get("/v1/jobs").elapsed.total_seconds() for _ in range(50))
        guesser.join()
    assert set(refused) == {401}
    assert slowest_s < 1


def test_a_gateway_that_others_reach_does_not_start_without_keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("open")
    process = start_python(
        "api", log=folder / "log", SCORELINE_API_HOST="::", SCORELINE_API_KEYS="off", SCORELINE_API_PORT="1"
    )
    try:
        assert process.wait(30) == 1
    finally:
        stop(process)
    assert "python -m api keys create" in (folder / "log").read_text()


def test_the_key_of_our_own_clients_is_taken_in_when_it_is_first_shown_and_stays_revoked(
    tmp_path_factory: pytest.TempPathFactory, keyed: Keyed
) -> None:
    folder, key = tmp_path_factory.mktemp("own"), make_key()[2]
    variables = {"SCORELINE_REDIS_URL": keyed.redis_url, "SCORELINE_API_KEYS": "required", "SCORELINE_API_KEY": key}
    with gateway(folder, **variables) as url, Keyed(url, keyed.redis_url, folder).client(key) as client:
        with Redis.from_url(keyed.redis_url) as redis:
            assert Keyring(redis).find(prefix_of(key)) is None
            assert client.post("/v1/jobs", json=EXAMPLE).status_code == 202
            found = Keyring(redis).find(prefix_of(key))
        assert found
        assert found.caller.scopes == set(USUAL)
        with keyed.client(key) as elsewhere:  # at a gateway that was told of no such key
            assert elsewhere.get("/v1/jobs").status_code == 200
        keyed.revoke(key)
        wait_until(lambda: client.get("/v1/jobs").status_code == 401, within_s=2, what="the key to be refused")
        assert client.get("/v1/jobs").status_code == 401


def test_who_is_not_let_in_is_counted_by_why(keyed: Keyed) -> None:
    def counted() -> float:
        found = re.search(
            r'^scoreline_refused_requests_total{reason="missing-key"} (\S+)$',
            httpx2.get(keyed.metrics).text,
            re.MULTILINE,
        )
        return float(found[1]) if found else 0

    before = counted()
    assert httpx2.get(f"{keyed.url}/v1/jobs").status_code == 401
    assert counted() == before + 1


def test_a_gateway_that_lets_in_everyone_or_no_one_says_so(
    tmp_path_factory: pytest.TempPathFactory, keyed: Keyed
) -> None:
    folder = tmp_path_factory.mktemp("off")
    with gateway(folder, SCORELINE_REDIS_URL=keyed.redis_url) as url:
        assert httpx2.get(f"{url}/v1/jobs").status_code == 200
    assert "API keys are off" in (folder / "api.log").read_text()
    assert "there is no API key" in (keyed.folder / "api.log").read_text()


def test_requests_a_second_are_limited_and_the_headers_say_so(keyed: Keyed) -> None:
    with keyed.client(keyed.make_key(limits=Limits(requests_per_s=5))) as client:
        answers = [client.get("/v1/jobs") for _ in range(12)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert answers[0].headers["RateLimit-Policy"] == '"requests";q=5;w=1'
        assert answers[0].headers["RateLimit"].startswith('"requests";r=4;t=1')
        assert refused
        assert refused[0].json()["type"] == "urn:scoreline:problem:quota-exceeded"
        assert refused[0].headers["Retry-After"] == "1"
        assert refused[0].headers["RateLimit-Policy"] == '"requests";q=5;w=1'
        wait_until(lambda: client.get("/v1/jobs").status_code == 200, within_s=3, what="the key to be let in again")


def test_rows_a_day_are_limited_to_the_row_and_what_is_refused_does_not_count(keyed: Keyed) -> None:
    with keyed.client(keyed.make_key(limits=Limits(rows_per_day=5))) as client:
        sent = [client.post("/v1/jobs", json={"patients": [EXAMPLE] * n}) for n in (3, 3, 2, 1)]
        assert [answer.status_code for answer in sent] == [202, 429, 202, 429]
        assert sent[1].json()["type"] == "urn:scoreline:problem:quota-exceeded"
        assert 1 <= int(sent[1].headers["Retry-After"]) <= 86_400
        assert sent[0].headers["RateLimit-Policy"] == '"rows";q=5;w=86400;qu="rows"'
        told = wait_until(
            lambda: [said] if '"rows";r=0' in (said := client.get("/v1/jobs").headers["RateLimit"]) else None,
            within_s=3,
            what="the headers to say that nothing is left",
        )
        assert told


def test_batches_at_once_are_limited(keyed: Keyed) -> None:
    header = ",".join(EXAMPLE)
    row = ",".join(str(value) for value in EXAMPLE.values())
    file = "\n".join([header, *[row] * 50_000, ""]).encode()
    with keyed.client(keyed.make_key(limits=Limits(batches_at_once=1))) as client:
        first = client.post("/v1/batches", content=file, headers=FILE)
        second = client.post("/v1/batches", content=file, headers=FILE)
        assert (first.status_code, second.status_code) == (202, 429)
        assert second.json()["type"] == "urn:scoreline:problem:quota-exceeded"
        assert client.post(f"/v1/batches/{first.json()['id']}/cancel").status_code in (200, 409)
        assert client.post("/v1/batches", content=file, headers=FILE).status_code == 202
