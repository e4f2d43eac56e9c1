"""The one disk that all of `make up` shares is full: it lives through that, and goes on when there is room again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from bench.local.conditions import wait_until
from core.schema.patient import EXAMPLE
from tests.e2e.up import Up
from tests.faults.cohort import patients, risks
from tests.faults.traffic import Traffic

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux mounts a small disk for a test")

DISK_BYTES = 100_000_000
PIECE = bytes(65_536)
JOBS, RATE_PER_S, CALLERS = 300, 40, 8
VALKEY_ENDS = 3  # as often as a service in trouble is given up where it is not meant to last
SOON_S = 60
CSV = "\n".join([",".join(map(str, EXAMPLE)), *[",".join(map(str, EXAMPLE.values()))] * 50])
AS_CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk with little room."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode and "CI" not in os.environ:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    assert mounted.returncode == 0, mounted.stderr
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def up(tmp_path: Path, small_disk: Path) -> Iterator[Up]:
    """An `up` that has its data, its store and its logs on that disk."""
    up = Up(tmp_path, small_disk / "var")
    try:
        yield up
    finally:
        up.end()


def test_up_lives_through_a_full_disk_answers_503_and_goes_on_with_all_that_it_accepted(
    up: Up, small_disk: Path
) -> None:
    up.start()
    port, ballast = int(up.url.rpartition(":")[2]), small_disk / "ballast"
    with Traffic(port, jobs=JOBS, rate_per_s=RATE_PER_S, connections=CALLERS) as traffic, httpx2.Client() as client:
        early = upload(client, up)
        wait_until(lambda: len(traffic.accepted) > JOBS / 10, within_s=SOON_S, what="traffic")

        def is_in_trouble() -> bool:
            fill(ballast)
            return traffic.answers[503] > 0 and up.said().count("valkey ended") >= VALKEY_ENDS

        wait_until(is_in_trouble, within_s=SOON_S, what="Valkey to end for want of room, again and again")
        assert client.post(f"{up.url}/v1/batches", content=CSV, headers=AS_CSV, timeout=SOON_S).status_code == 503
        assert up.runs(), up.said()
        ballast.unlink()
        traffic.enough(SOON_S)
        assert len(traffic.accepted) == traffic.submitted >= JOBS, traffic.answers
        for batch in (early, upload(client, up)):
            wait_until(lambda: state(client, batch) == "succeeded", within_s=SOON_S, what="a file to be scored")  # noqa: B023
        for number, id in traffic.accepted.items():
            job = f"{up.url}/v1/jobs/{id}"
            wait_until(lambda: state(client, job) == "succeeded", within_s=SOON_S, what="a job to be scored")  # noqa: B023
            assert [score["risk"] for score in client.get(job).json()["scores"]] == risks(patients(number))
    assert traffic.surprises == []
    assert up.session == int((up.var / "supervisord.pid").read_text())
    assert "given up" not in up.said()


def fill(ballast: Path) -> None:
    """Leave no room on the disk, whatever became free of late."""
    try:
        with ballast.open("ab", buffering=0) as file:
            while file.write(PIECE):
                pass
    except OSError:
        return


def upload(client: httpx2.Client, up: Up) -> str:
    """Upload a file until it is accepted, and return its batch's URL."""
    sent = wait_until(
        lambda: [
            answer
            for answer in [client.post(f"{up.url}/v1/batches", content=CSV, headers=AS_CSV, timeout=SOON_S)]
            if answer.status_code == 202
        ],
        within_s=SOON_S,
        what="an upload to be accepted",
    )
    return up.url + str(sent[0].headers["Location"])


def state(client: httpx2.Client, url: str) -> str | None:
    """Return the state that a job or a batch is in, or None if no answer came."""
    try:
        return str(client.get(url, timeout=SOON_S).json().get("state"))
    except httpx2.TransportError:
        return None
