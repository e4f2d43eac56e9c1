"""The command line, run as a process: each command against a real service, its exit codes, and what it prints where."""

import csv
import json
import signal
import subprocess
import tomllib
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from pathlib import Path

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from bench.local.programs import CLIENT, ROOT, LoneGateway, free_port
from core.ledger.key import Scope, make_key
from core.schema.patient import COLUMNS, EXAMPLE
from scoreline_client import Client
from tests.commands import Said, command, environment, scoreline
from tests.scripted import Service, problem, running

TABLE = ROOT / "training" / "data" / "cleveland.csv"
STATED = [f"{name}={value}" for name, value in EXAMPLE.items()]
NAMED = [*STATED, "sex=female", "cp=non-anginal", "ca=none"]
Run = Callable[..., Said]


@pytest.fixture(scope="module")
def run(whole: tuple[str, str]) -> Run:
    """Run a command against the whole service."""
    url, redis_url = whole

    def run(*arguments: str, stdin: str | bytes = "") -> Said:
        variables = {"SCORELINE_URL": url, "SCORELINE_REDIS_URL": redis_url}
        return scoreline(*arguments, stdin=stdin, **variables)

    return run


def rows(said: Said) -> list[dict[str, str]]:
    """Return the rows of CSV that were printed."""
    return list(csv.DictReader(StringIO(said.out)))


def test_a_patient_is_scored_as_a_table_as_json_and_as_csv(run: Run) -> None:
    table, as_json, as_csv = (
        run("score", *NAMED),
        run("score", *STATED, "-o", "json"),
        run("score", *STATED, "-o", "csv"),
    )
    assert [said.code for said in (table, as_json, as_csv)] == [0, 0, 0]
    assert "0.17712659" in table.out
    assert json.loads(as_json.out)["risk"] == float(rows(as_csv)[0]["risk"]) == 0.17712659
    assert table.err == as_json.err == as_csv.err == ""
    assert "\x1b" not in table.out


def test_patients_come_from_standard_input_too_and_are_explained(run: Run) -> None:
    said = run("score", "--json", "-", "--explain", "-o", "csv", stdin=json.dumps([EXAMPLE, EXAMPLE]))
    assert said.code == 0, said.err
    assert len(rows(said)) == 2
    assert set(COLUMNS) | {"baseline", "log_odds"} <= set(rows(said)[0])


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "told"),
    [
        (("score", "age=54", "weight=70"), "", 2, "weight is no field of a patient"),
        (("score", *STATED, "age=300"), "", 1, "age must be a number from 18 to 110 years"),
        (("score", "age=54"), "", 1, "thal must be given"),
        (("score",), "", 2, "one of both"),
        (("score", "--json", "-"), "no", 2, "is not JSON"),
        (("score", "--json", "none.json"), "", 2, "No such file"),
        (("score", *STATED, "--output", "xml"), "", 2, "xml"),
        (("jobs", "none"), "", 1, "There is no job with this id"),
        (("batches", "--follow"), "", 2, "needs the ID"),
        (("results", "none"), "", 1, "There is no batch with this id"),
        (("cancel", "none"), "", 1, "There is no batch with this id"),
        (("submit", "none.csv"), "", 2, "No such file"),
        (("submit", "-"), "age\n1\n", 1, "The file cannot be scored"),
        (("submit", "-", "--join", "ids"), TABLE.read_text(), 1, "id_column"),
        (("dance",), "", 2, "dance"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said_on_standard_error_alone(
    run: Run, arguments: tuple[str, ...], stdin: str, code: int, told: str
) -> None:
    said = run(*arguments, stdin=stdin)
    assert (said.code, said.out) == (code, ""), said.err
    assert told in said.err
    assert "Traceback" not in said.err


def test_a_file_is_submitted_followed_downloaded_and_deleted(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_bytes(TABLE.read_bytes() + b"200" + TABLE.read_bytes().splitlines()[1][2:] + b"\n")
    said = run("submit", str(path), "--follow", "-o", "json")
    batch = json.loads(said.out)
    assert (said.code, batch["state"], batch["counts"]["rejected"]) == (0, "succeeded", 1)
    id = batch["id"]
    assert f"`scoreline results {id} --out scores.csv`" in said.err
    assert "\x1b" not in said.err

    assert [row["id"] for row in rows(run("batches", "--state", "succeeded", "-o", "csv"))][:1] == [id]
    results, out = run("results", id), tmp_path / "scores.csv"
    assert len(rows(results)) == 303
    assert run("results", id, "--out", str(out)) == (0, "", "")
    assert out.read_text() == results.out
    assert list(tmp_path.glob("*.part")) == []
    assert rows(run("errors", id, "-o", "csv")) == [
        {"line": "305", "column": "age", "code": "out_of_bounds", "message": "must be a number from 18 to 110 years"}
    ]
    assert run("cancel", id).code == 1
    assert run("delete", id, stdin="n\n").code == 1
    assert run("batches", id).code == 0
    assert run("delete", id, "--yes") == (0, "", f"batch {id} is deleted\n")
    assert run("batches", id).code == 1


def test_a_file_of_a_pipe_has_options_and_fails_as_asked(run: Run) -> None:
    broken = TABLE.read_bytes() + b"none\n"
    said = run("submit", "-", "--follow", "--on-error", "fail", stdin=broken)
    assert (said.code, said.out) == (1, "")
    assert "the batch failed" in said.err
    later = run("submit", "-", "--id-column", "target", "--join", "ids", "-o", "csv", stdin=TABLE.read_bytes())
    [batch] = rows(later)
    assert "batches" in later.err
    assert run("batches", batch["id"], "--follow").code == 0
    assert list(rows(run("results", batch["id"]))[0])[:2] == ["target", "risk"]


def test_jobs_are_listed_in_pages_shown_and_canceled(run: Run, lone_gateway: LoneGateway) -> None:
    with Client(lone_gateway.url) as client:
        first, second = client.submit(EXAMPLE), client.submit(EXAMPLE)
    there = ("--url", lone_gateway.url, "-o", "csv")
    page = run("jobs", "--limit", "1", *there)
    assert [row["id"] for row in rows(page)] == [str(second.id)]
    assert f"`scoreline jobs --after {second.id} --url {lone_gateway.url}`" in page.err
    assert [row["id"] for row in rows(run("jobs", "--after", str(second.id), *there))] == [str(first.id)]
    assert rows(run("cancel", str(first.id), *there))[0]["state"] == "canceled"
    assert rows(run("jobs", str(first.id), *there))[0]["state"] == "canceled"


def test_ctrl_c_leaves_the_batch_running_and_says_how_to_come_back(lone_gateway: LoneGateway) -> None:
    follow = command("submit", str(TABLE), "--follow")
    with (
        subprocess.Popen(
            follow, env=environment(SCORELINE_URL=lone_gateway.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        Client(lone_gateway.url) as client,
    ):
        [batch] = wait_until(lambda: client.batches().data, within_s=30, what="the file to be there")
        # Only by what it sends does it show that it knows of the batch: its metrics tell of each look at it.
        wait_until(lambda: looks(lone_gateway.metrics), within_s=30, what="it to be followed")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (130, b"")
        assert f"come back to it with `scoreline batches {batch.id} --follow`" in err.decode()
        assert client.batch(batch.id).state == "queued"


def looks(metrics: str) -> bool:
    """Whether anyone has read a batch, as the gateway's metrics tell."""
    return 'route="/v1/batches/{id}"' in httpx2.get(metrics).text


def test_a_service_that_is_away_is_exit_code_3() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    said = scoreline("jobs", "--url", url, "--patience", "0")
    assert said == (3, "", f"scoreline: nothing answers at {url}: is it the right address, and does it run?\n")
    with running(Service([problem(503)])) as busy:
        assert scoreline("jobs", "--url", busy, "--patience", "0").code == 3


def test_a_flag_wins_over_the_environment_and_that_over_the_file(whole: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "scoreline").mkdir()
    file = tmp_path / "scoreline" / "config.toml"
    file.write_text(f'url = "{whole[0]}"\noutput = "json"\n')
    configured = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert "data" not in json.loads(scoreline("jobs", **configured).out)
    assert scoreline("jobs", SCORELINE_OUTPUT="csv", **configured).out.startswith("id,state")
    assert json.loads(scoreline("jobs", "--output", "json", SCORELINE_OUTPUT="csv", **configured).out)
    file.write_text("url = 1\n")
    assert scoreline("jobs", **configured).code == 2
    file.write_text("url =\n")
    broken = scoreline("jobs", **configured)
    assert broken.code == 2
    assert str(file) in broken.err


def test_the_key_is_sent_with_each_request() -> None:
    service = Service([problem(401)])
    with running(service) as url:
        assert scoreline("jobs", "--url", url, SCORELINE_API_KEY="sl_secret").code == 1
    assert service.authorizations == ["Bearer sl_secret"]


def test_the_model_and_its_drift_are_shown(run: Run) -> None:
    assert run("score", *STATED).code == 0
    card = json.loads(run("model", "-o", "json").out)
    assert card["version"] in run("model").out
    said = run("drift", "--hours", "1", "-o", "csv")
    assert {row["feature"] for row in rows(said)} >= {"age", "sex", "risk"}
    assert card["version"] in said.err


def test_doctor_finds_nothing_wrong_with_a_whole_service(run: Run) -> None:
    said = run("doctor", "-o", "csv")
    assert said.code == 0, said.out
    assert {row["check"] for row in rows(said)} == {"gateway", "API key", "versions", "disk", "redis", "workers"}
    assert {row["verdict"] for row in rows(said)} == {"ok"}


def test_doctor_says_what_is_wrong_with_an_api_key(keyed: Keyed) -> None:
    shown = {
        None: "none is set",
        make_key()[2]: "unknown, revoked or expired",
        keyed.make_key([Scope.SCORE]): "to read",
    }
    for key, wrong in shown.items():
        variables = {"SCORELINE_API_KEY": key} if key else {}
        said = scoreline("doctor", "-o", "csv", "--url", keyed.url, SCORELINE_REDIS_URL=keyed.redis_url, **variables)
        (found,) = (row for row in rows(said) if row["check"] == "API key")
        assert wrong in found["found"]
        assert "python -m api keys create" in found["do"]


def test_doctor_says_of_each_fault_what_to_do(tmp_path: Path, redis_url: str) -> None:
    taken = redis_url.rpartition(":")[2].removesuffix("/0")
    variables = {"SCORELINE_FLOWER_PORT": taken, "SCORELINE_REDIS_URL": redis_url, "SCORELINE_VAR": str(tmp_path)}
    said = scoreline("doctor", "-o", "csv", "--url", f"http://127.0.0.1:{free_port()}", **variables)
    wrong = {row["check"]: row["do"] for row in rows(said) if row["verdict"] == "wrong"}
    assert said.code == 1
    assert wrong["gateway"] == "run `scoreline up`, or say --url"
    assert wrong["ports"] == "free it, or choose another with SCORELINE_FLOWER_PORT"
    assert "python -m worker run" in wrong["workers"]
    no_redis = scoreline(
        "doctor",
        "-o",
        "csv",
        SCORELINE_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        **{"SCORELINE_API_PORT": str(free_port())},
    )
    assert "correct SCORELINE_REDIS_URL" in no_redis.out


def test_up_runs_what_make_up_runs(tmp_path: Path) -> None:
    said = scoreline("up", SCORELINE_FLOWER_PORT="7000", SCORELINE_API_PORT="7000", SCORELINE_VAR=str(tmp_path))
    assert said.code == 2
    assert "Port 7000 is wanted by both" in said.err


def test_help_lists_the_fields_and_the_exit_codes() -> None:
    assert "trestbps  60 to 260 mmHg" in scoreline("score", "--help").out
    about = scoreline("--help")
    assert about.code == 0
    assert "3    the service does not answer" in about.out
    assert "config.toml" in about.out


def test_the_shell_is_told_how_to_complete() -> None:
    asked = {"_SCORELINE_COMPLETE": "complete_bash", "COMP_WORDS": "scoreline score sex=", "COMP_CWORD": "2"}
    assert scoreline(**asked).out.split() == ["sex=female", "sex=male"]


def test_the_entry_point_leads_to_the_command_line() -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["scoreline"].partition(":")
    assert callable(getattr(import_module(module), function))
