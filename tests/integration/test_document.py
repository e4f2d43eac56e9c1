"""The gateway does what its OpenAPI document says, and refuses what it forbids."""

import re
from pathlib import Path

import httpx2
import pytest

from bench.local.keyed import Keyed
from core.ledger.key import Scope
from tests.fuzz import fuzz

BRIEFLY = ["--phases=examples,coverage,stateful", "--max-examples=3", "--seed=1"]


def test_each_answer_is_as_the_document_says(keyed: Keyed, tmp_path: Path) -> None:
    done = fuzz(keyed.url, keyed.make_key(Scope), tmp_path, *BRIEFLY)
    assert done.returncode == 0, done.stdout
    found = re.search(r"([\d,]+) generated, [\d,]+ passed", done.stdout)
    assert found, done.stdout
    assert int(found[1].replace(",", "")) > 500


@pytest.mark.parametrize(("path", "methods"), [("/v1/jobs", "GET, POST"), ("/v1/jobs/x", "DELETE, GET")])
def test_a_wrong_method_is_told_all_that_the_address_takes(whole: tuple[str, str], path: str, methods: str) -> None:
    answer = httpx2.patch(f"{whole[0]}{path}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, methods)
