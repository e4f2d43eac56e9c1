"""The producer against a whole real service: what it says came back is what came back."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import httpx2

from bench.local.programs import ROOT


def produce(client: httpx2.Client, *arguments: str) -> str:
    """Run the producer, and return what it said."""
    command = [sys.executable, "-m", "producer", "--url", str(client.base_url), "--rate", "200", "--seed", "7"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_malformed_bodies_are_refused_duplicates_are_seen_once_and_labels_come_late(
    client: httpx2.Client, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    said = produce(
        client,
        *("--count", "60", "--burst", "3", "--malformed", "0.2", "--duplicates", "0.2"),
        *("--labels", str(path), "--label-after", "0.01"),
    )
    counts = r"60 sent, (\d+) refused, (\d+) succeeded, 0 waiting; (\d+) malformed, (\d+) of them refused"
    found = re.search(counts, said)
    assert found, said
    refused, succeeded, malformed, caught = map(int, found.groups())
    assert refused == malformed == caught == 60 - succeeded > 0
    once = re.search(r"; (\d+) sent twice, (\d+) of them seen once", said)
    assert once, said
    assert once[1] == once[2] != "0"
    with path.open(newline="") as file:
        labels = list(csv.DictReader(file))
    assert len({label["job"] for label in labels}) == len(labels) == succeeded
    for label in labels[:3]:
        assert client.get(f"/v1/jobs/{label['job']}").json()["state"] == "succeeded"


def test_kpa_is_refused_from_the_patient_on_with_whom_it_begins_and_the_reason_is_told(client: httpx2.Client) -> None:
    said = produce(client, "--count", "10", "--scenario", "kpa", "--from", "6")
    assert "10 sent, 5 refused, 5 succeeded, 0 waiting" in said
    assert said.count("looks like kPa: 1 kPa is 7.50062 mmHg") == 1
