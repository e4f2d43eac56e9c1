"""Callbacks whose names are looked up for ever hold up nobody but who names them; a real name server is silent."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import httpx2
import pytest

from api.gateway import LOOKUPS_AT_ONCE, LOOKUPS_OF_A_KEY
from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from bench.local.programs import free_port, responds, stop, valkey
from core.address import RESOLVED_WITHIN_S
from core.schema.patient import EXAMPLE
from tests.name_server import MISSING, PUBLIC, NameServer, cannot_run, naming, start_asking_there
from tests.receiver import SECRET

SOON_S = 30

pytestmark = pytest.mark.skipif(cannot_run(), reason=MISSING)


class Named(NamedTuple):
    """A gateway that asks for keys, and the name server that it asks."""

    keyed: Keyed
    names: NameServer


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Named]:
    """The gateway."""
    folder, port = tmp_path_factory.mktemp("named"), str(free_port())
    with ExitStack() as stack:
        names, redis_url = stack.enter_context(naming()), stack.enter_context(valkey(folder / "valkey"))
        variables = {
            "SCORELINE_REDIS_URL": redis_url,
            "SCORELINE_API_PORT": port,
            "SCORELINE_API_KEYS": "required",
            "SCORELINE_CALLBACK_SECRET": SECRET,
        }
        stack.callback(stop, start_asking_there("api", folder=folder, **variables))
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}/health/live"), within_s=SOON_S, what="the gateway")
        yield Named(Keyed(url, redis_url, folder), names)


def submit(client: httpx2.Client, host: str) -> httpx2.Response:
    """Submit a patient whose job is told of there."""
    return client.post("/v1/jobs", params={"callback_url": f"https://{host}/told"}, json=EXAMPLE)


def problem(answer: httpx2.Response) -> tuple[int, str]:
    """Return the status and the type of what a submit was answered."""
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_who_names_slow_hosts_holds_up_only_their_own_submits(named: Named) -> None:
    keys = named.keyed.make_key(), named.keyed.make_key()
    with (
        named.keyed.client(keys[0]) as mine,
        named.keyed.client(keys[1]) as theirs,
        ThreadPoolExecutor(LOOKUPS_AT_ONCE) as many,
    ):
        assert submit(theirs, str(PUBLIC)).status_code == 202  # the key is known by now
        slow = [many.submit(submit, mine, f"{number}.slow.example") for number in range(LOOKUPS_AT_ONCE)]
        wait_until(lambda: len(named.names.slow()) >= LOOKUPS_OF_A_KEY, within_s=SOON_S, what="the lookups")
        for host in (str(PUBLIC), "fast.example"):
            answer = submit(theirs, host)
            assert answer.status_code == 202, answer.text
            assert answer.elapsed.total_seconds() < RESOLVED_WITHIN_S
        assert problem(submit(theirs, "a.nobody.example")) == (422, "refused-callback")
        assert submit(mine, str(PUBLIC)).status_code == 202  # an address is looked up nowhere
        for waited in slow:
            assert problem(waited.result()) == (503, "unresolved-callback")
            assert int(waited.result().headers["retry-after"]) > 0
        assert len(named.names.slow()) == LOOKUPS_OF_A_KEY
        assert mine.get("/v1/jobs").json()["data"] != []


def test_a_host_that_nobody_knows_is_refused_and_one_that_is_known_is_not(named: Named) -> None:
    with named.keyed.client(named.keyed.make_key()) as client:
        answer = submit(client, "b.nobody.example")
        assert problem(answer) == (422, "refused-callback")
        assert "cannot be resolved" in answer.json()["detail"]
        assert submit(client, "receiver.example").status_code == 202
