"""The OpenAPI document and the client that is generated of it: both are what the code says."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.local.programs import CLIENT, ROOT
from core.errors import ScorelineError
from scoreline_client.errors import Problem, problem_of
from tests.answered_errors import ANSWERED_ERRORS

DOCUMENT = ROOT / "openapi.json"
RENEW = "the HTTP interface has changed: run `make client`"


def test_the_committed_document_is_what_the_gateway_says_whatever_its_settings(tmp_path: Path) -> None:
    environment = {"SCORELINE_API_PORT": "9999", "SCORELINE_PATIENTS_LIMIT": "7", "SCORELINE_REDIS_URL": "redis://none"}
    command = [sys.executable, "-m", "api", "openapi"]
    said = subprocess.run(
        command, cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    assert said.stdout.decode() == DOCUMENT.read_text(), RENEW
    assert list(tmp_path.iterdir()) == []


def test_the_generated_client_is_what_the_generator_makes_of_the_document(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("generate", CLIENT / "generate.py")
    assert spec
    assert spec.loader
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    generator.generate(tmp_path / "wire")
    made, kept = tmp_path / "wire", CLIENT / "scoreline_client" / "wire"
    assert contents(made) == contents(kept), RENEW


def contents(folder: Path) -> dict[str, str]:
    """Return what each generated file below the folder holds."""
    paths = [*folder.rglob("*.py"), *folder.rglob("*.json")]
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def test_each_operation_has_a_name_of_its_own_and_each_reference_leads_somewhere() -> None:
    document = json.loads(DOCUMENT.read_text())
    named = [operation["operationId"] for each in document["paths"].values() for operation in each.values()]
    assert len(set(named)) == len(named)
    assert {"jobs_submit", "jobs_list", "batches_upload"} <= set(named)
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    referred = {part.split('"')[0] for part in DOCUMENT.read_text().split('"$ref": "')[1:]}
    assert referred <= schemas


@pytest.mark.parametrize("error", ANSWERED_ERRORS, ids=lambda error: str(error.__name__))
def test_each_problem_is_raised_as_an_error_of_its_kind(error: type[ScorelineError]) -> None:
    assert error.status
    said = {"type": f"urn:scoreline:problem:{error.code}", "title": "No", "status": error.status, "detail": "Why."}
    raised = problem_of(error.status, {"retry-after": "7"}, json.dumps(said).encode())
    assert type(raised) is not Problem
    assert (raised.problem, raised.detail, raised.retry_after_s) == (error.code, "Why.", 7)
