"""A job's story as server-sent events, over a real gateway."""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import httpx2
import pytest

from api.gateway import Gateway
from bench.local.conditions import wait_until
from bench.local.programs import LoneGateway, free_port, responds, running, valkey
from core.ledger.memory.ledger import MemoryLedger
from core.schema.patient import EXAMPLE
from core.settings import Settings
from tests.ledgers import Clock
from tests.listening import gateway_over

STORY = ["state queued", "state running", "state succeeded", "result", "end"]


def read_events(lines: Iterator[str]) -> Iterator[tuple[int, str, dict[str, object]]]:
    """Yield (number, name, data) of each event."""
    event: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield int(event["id"]), event["event"], json.loads(event["data"])
            event = {}


def follow(url: str, last: str | None = None) -> Iterator[tuple[int, str, dict[str, object]]]:
    """Yield a job's events until the stream ends."""
    headers = {"Last-Event-ID": last} if last else {}
    with httpx2.stream("GET", f"{url}/events", headers=headers, timeout=30) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield from read_events(answer.iter_lines())


def names(events: list[tuple[int, str, dict[str, object]]]) -> list[str]:
    """Return what happened, as in `STORY`."""
    return [f"{name} {data['state']}" if name == "state" else name for _, name, data in events]


def test_the_story_is_told_as_it_happens_and_once_more_from_any_point(lone_gateway: LoneGateway) -> None:
    url = lone_gateway.url
    job = url + httpx2.post(f"{url}/v1/jobs", json=EXAMPLE).headers["location"]
    live = follow(job)
    told = [next(live)]
    with lone_gateway.running("run"):
        told += live
    assert names(told) == STORY
    assert told[3][2] == httpx2.get(job).json()
    for number, _, _ in told[:-1]:
        assert list(follow(job, str(number))) == told[number:]
    assert httpx2.get(f"{job}/events", headers={"Last-Event-ID": "5"}).status_code == 204


def test_nonsense_as_the_last_event_tells_all_of_it(client: httpx2.Client) -> None:
    job = client.post("/v1/jobs", json=EXAMPLE).headers["location"]
    for nonsense in ("", "soon", "-1", "12345678901234567890"):
        with client.stream("GET", f"{job}/events", headers={"Last-Event-ID": nonsense}) as answer:
            assert names(list(read_events(answer.iter_lines())))[0] == STORY[0]


def test_an_unknown_job_has_no_events(client: httpx2.Client) -> None:
    unknown = client.get("/v1/jobs/01890000-0000-7000-8000-000000000000/events")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:scoreline:problem:unknown-job")


def test_cancel_is_told_and_erasing_ends_the_stream(lone_gateway: LoneGateway) -> None:
    url = lone_gateway.url
    canceled, erased = (url + httpx2.post(f"{url}/v1/jobs", json=EXAMPLE).headers["location"] for _ in range(2))
    streams = [follow(canceled), follow(erased)]
    told = [[next(stream)] for stream in streams]
    httpx2.post(f"{canceled}/cancel")
    httpx2.delete(erased)
    for stream, events in zip(streams, told, strict=True):
        events += stream
    assert names(told[0]) == ["state queued", "state canceled", "result", "end"]
    assert names(told[1]) == ["state queued"]


@pytest.mark.parametrize("way", ["events", "wait"])
def test_a_client_that_leaves_is_not_waited_for(way: str) -> None:
    with gateway_over(MemoryLedger(Settings(), Clock())) as (url, app):
        here: Gateway = app.state.gateway
        job = httpx2.post(f"{url}/v1/jobs", json=EXAMPLE).headers["location"]
        body = json.dumps(EXAMPLE)
        request = {
            "events": f"GET {job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "wait": "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nPrefer: wait=60\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}",
        }[way]
        address = httpx2.URL(url)
        with socket.create_connection((address.host, address.port or 0)) as client:
            client.sendall(request.encode())
            wait_until(lambda: len(here.watcher) == 1, within_s=10, what="the client to wait")
        wait_until(lambda: len(here.watcher) == 0, within_s=10, what="the gateway to let go of it")


@contextmanager
def two_processes(folder: Path) -> Iterator[tuple[Popen[bytes], str, dict[str, str]]]:
    """Run a gateway of two processes; give the parent, its URL, and the variables that name its Valkey."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with valkey(folder / "valkey") as redis_url:
        variables = {"SCORELINE_REDIS_URL": redis_url}
        gateways = {"SCORELINE_API_PORT": str(port), "SCORELINE_API_PROCESSES": "2"}
        with running("api", log=folder / "api.log", **variables, **gateways) as process:
            wait_until(lambda: responds(f"{url}/health/live"), within_s=30, what="a gateway to answer")
            yield process, url, variables


def test_several_gateway_processes_share_the_port_and_stop_together(tmp_path: Path) -> None:
    with two_processes(tmp_path) as (process, url, variables):
        with running("worker", "run", log=tmp_path / "worker.log", **variables):
            waits = {"Prefer": "wait=40"}
            submits = [httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, headers=waits, timeout=60) for _ in range(9)]
        assert {answer.json()["state"] for answer in submits} == {"succeeded"}
        waiter: list[httpx2.Response] = []

        def submit() -> None:
            waiter.append(httpx2.post(f"{url}/v1/jobs", json=EXAMPLE, headers={"Prefer": "wait=50"}, timeout=60))

        thread = threading.Thread(target=submit)
        thread.start()
        queued = f"{url}/v1/jobs?state=queued"
        wait_until(lambda: httpx2.get(queued).json()["data"], within_s=10, what="a job to wait for")
        process.terminate()
        thread.join(10)
        assert (waiter[0].status_code, waiter[0].json()["state"]) == (202, "queued")
        assert process.wait(20) == 0


def test_gateway_processes_do_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    with two_processes(tmp_path) as (process, url, _):
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        wait_until(lambda: not responds(f"{url}/health/live"), within_s=20, what="the port to be free")
