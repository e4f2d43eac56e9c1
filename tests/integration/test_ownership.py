"""Two keys that can never see each other's work, over every route that the gateway's own document names."""

import uuid
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx2
import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from core.ledger.key import Scope
from core.schema.patient import EXAMPLE

FILE = {"Content-Type": "text/csv"}
CSV = f"{','.join(EXAMPLE)}\n{','.join(str(value) for value in EXAMPLE.values())}\n".encode()
KINDS = ("jobs", "batches")
OPEN = {"/health/live", "/health/ready"}


@pytest.fixture(scope="module")
def pair(keyed: Keyed) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """Two clients, each with a key of its own that allows all but to be an operator."""
    with keyed.client(keyed.make_key()) as one, keyed.client(keyed.make_key()) as other:
        yield one, other


@pytest.fixture(scope="module")
def routes(keyed: Keyed) -> list[tuple[str, str]]:
    """Every method and path that there is."""
    paths = httpx2.get(f"{keyed.url}/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, calls in paths.items() for method in calls]


def send(client: httpx2.Client, kind: str, **headers: str) -> httpx2.Response:
    """Submit a patient, or upload a file of one."""
    if kind == "jobs":
        return client.post("/v1/jobs", json=EXAMPLE, headers=headers)
    return client.post("/v1/batches", content=CSV, headers=FILE | headers)


def test_every_route_that_names_an_id_says_404_to_another_key_and_changes_nothing(
    pair: tuple[httpx2.Client, httpx2.Client], routes: list[tuple[str, str]]
) -> None:
    mine, theirs = pair
    tried = 0
    for kind in KINDS:
        id = send(mine, kind).json()["id"]
        unknown = str(uuid.uuid4())
        wait_until(
            lambda: mine.get(f"/v1/{kind}/{id}").json()["state"] == "succeeded",  # noqa: B023
            within_s=30,
            what="the end",
        )
        before = mine.get(f"/v1/{kind}/{id}").json()
        for method, path in routes:
            if path.startswith(f"/v1/{kind}/{{id}}"):
                same = {"X-Request-ID": "same"}
                answers = [theirs.request(method, path.format(id=one), headers=same) for one in (id, unknown)]
                assert [answer.status_code for answer in answers] == [404, 404], (method, path)
                assert answers[0].content == answers[1].content, (method, path)
                tried += 1
        assert mine.get(f"/v1/{kind}/{id}").json() == before
    assert tried == sum("{id}" in path for _, path in routes) >= 10


def test_every_route_but_the_open_ones_asks_for_a_key(keyed: Keyed, routes: list[tuple[str, str]]) -> None:
    for method, path in routes:
        answer = httpx2.request(method, keyed.url + path.format(id=uuid.uuid4(), version="1.0"))
        assert (answer.status_code != 401) == (path in OPEN), (method, path)


def test_an_admin_sees_and_erases_the_work_of_every_key(
    keyed: Keyed, pair: tuple[httpx2.Client, httpx2.Client]
) -> None:
    with keyed.client(keyed.make_key([Scope.ADMIN])) as admin:
        for kind in KINDS:
            path = f"/v1/{kind}/{send(pair[0], kind).json()['id']}"
            assert admin.get(path).status_code == 200
            assert path.rpartition("/")[2] in admin.get(f"/v1/{kind}").text
            assert admin.delete(path).status_code == 204
            assert pair[0].get(path).status_code == 404


class Neighbours(RuleBasedStateMachine):
    """Two keys at work over one gateway; whatever either does, each sees what it sent itself, and nothing else."""

    clients: tuple[httpx2.Client, httpx2.Client]

    @initialize()
    def begin(self) -> None:
        self.owned: list[tuple[int, str, str]] = []
        self.keys: dict[tuple[int, str, str], str] = {}
        self.others = {(n, kind): listed(self.clients[n], kind) for n, kind in product((0, 1), KINDS)}

    @rule(who=st.sampled_from([0, 1]), kind=st.sampled_from(KINDS), name=st.sampled_from([None, "one", "two"]))
    def submit(self, who: int, kind: str, name: str | None) -> None:
        headers = {"Idempotency-Key": f'"{id(self)}-{name}"'} if name else {}
        answer = send(self.clients[who], kind, **headers)
        assert answer.status_code == 202
        made = answer.json()["id"]
        known = self.keys.get((who, kind, name or ""))
        assert (answer.headers.get("Idempotent-Replayed") == "true") == (known is not None)
        assert known in (None, made)
        if known is None:
            self.owned.append((who, kind, made))
        if name:
            self.keys[who, kind, name] = made

    @precondition(lambda self: self.owned)
    @rule(data=st.data(), act=st.sampled_from(["read", "cancel", "erase", "events", "results", "errors"]))
    def meddle(self, data: st.DataObject, act: str) -> None:
        who, kind, id = data.draw(st.sampled_from(self.owned))
        other = self.clients[1 - who]
        calls: dict[str, Any] = {
            "read": lambda: other.get(f"/v1/{kind}/{id}"),
            "cancel": lambda: other.post(f"/v1/{kind}/{id}/cancel"),
            "erase": lambda: other.delete(f"/v1/{kind}/{id}"),
        }
        answer = calls[act]() if act in calls else other.get(f"/v1/{kind}/{id}/{act}")
        assert answer.status_code == 404

    @precondition(lambda self: self.owned)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        who, kind, made = data.draw(st.sampled_from(self.owned))
        assert self.clients[who].delete(f"/v1/{kind}/{made}").status_code == 204
        self.owned.remove((who, kind, made))
        self.keys = {name: id for name, id in self.keys.items() if id != made}

    @invariant()
    def each_lists_what_it_sent_itself(self) -> None:
        for who, kind in product((0, 1), KINDS):
            mine = {id for owner, of, id in self.owned if (owner, of) == (who, kind)}
            assert listed(self.clients[who], kind) - self.others[who, kind] == mine


def listed(client: httpx2.Client, kind: str) -> set[str]:
    """Return the ids that a client is shown."""
    return {one["id"] for one in client.get(f"/v1/{kind}?limit=1000").json()["data"]}


def test_no_history_of_two_keys_shows_one_the_work_of_the_other(pair: tuple[httpx2.Client, httpx2.Client]) -> None:
    class Machine(Neighbours):
        pass

    Machine.clients = pair
    profile = hypothesis.settings(
        max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Machine, settings=profile)
