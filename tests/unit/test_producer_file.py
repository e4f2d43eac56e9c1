"""The files of simulated patients: valid, the same for a seed, and written with manners."""

import csv
import io
import os
import signal
import subprocess
import sys

import pytest

from bench.local.programs import ROOT
from core.schema.patient import COLUMNS, Patient
from producer.file import BROKEN_PIPE

COMMAND = [sys.executable, "-m", "producer", "file"]


def write(*arguments: str) -> bytes:
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, check=True).stdout


@pytest.mark.parametrize("columns", ["used", "extra"])
def test_each_row_is_a_patient_with_an_id_of_its_own(columns: str) -> None:
    text = write("--rows", "2000", "--columns", columns).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["id"] for row in rows] == [f"{number:04}" for number in range(1, 2001)]
    for row in rows:
        Patient.model_validate({name: float(row[name]) if row[name] else None for name in COLUMNS if name in row})
    assert ("chol" in rows[0], "note" in rows[0]) == (columns == "extra", columns == "extra")


def test_the_same_seed_writes_the_same_file() -> None:
    assert write("--rows", "30", "--seed", "7") == write("--rows", "30", "--seed", "7")
    assert write("--rows", "30", "--seed", "7") != write("--rows", "30", "--seed", "8")


def test_a_file_may_have_no_row() -> None:
    assert write("--rows", "0") == ("id," + ",".join(name for name in COLUMNS if name != "chol") + "\n").encode()


@pytest.mark.parametrize("arguments", [[], ["--rows", "-1"], ["--rows", "many"], ["--rows", "1", "--columns", "all"]])
def test_a_bad_argument_is_explained(arguments: list[str]) -> None:
    done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage: python -m producer file" in done.stderr


@pytest.mark.parametrize("how", ["the reader goes", "Ctrl-C"])
def test_it_ends_without_a_word_when_it_is_no_longer_wanted(how: str) -> None:
    command = [*COMMAND, "--rows", "100000000"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().startswith(b"id,")
    if how == "Ctrl-C":
        process.send_signal(signal.SIGINT)
        while os.read(process.stdout.fileno(), 65_536):
            pass
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == (130 if how == "Ctrl-C" else BROKEN_PIPE)
    assert said == b""
