"""The tracking: what each step of training found, logged to MLflow where it runs, and the bundle in its registry."""

import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.bundle import FILES
from models.card import MODEL_FILE, Card, Metric
from models.registry import ALIAS, NAME, Mlflow, NoMlflow, hash_tag
from training.study.results import Study

EXPERIMENT = "scoreline"

MLMODEL = """flavors:
  onnx:
    code: null
    data: {model}
    onnx_session_options: null
    onnx_version: {onnx}
    providers:
    - CPUExecutionProvider
  python_function:
    data: {model}
    loader_module: mlflow.onnx
    python_version: '{python}'
"""
"""MLflow's own description of an ONNX model, so that `mlflow.onnx.load_model` can load what is registered."""


@dataclass(frozen=True)
class Run:
    """A finished run: its id, and where its artifacts are."""

    id: str
    artifacts: str


def track(log: Callable[[Mlflow], object]) -> None:
    """Call `log` with the MLflow server if there is one; else say that nothing is logged, and go on."""
    try:
        server = Mlflow()
        server.check()
        log(server)
    except NoMlflow as error:
        print(f"Not logged. {error}", file=sys.stderr)
    else:
        print(f"Logged to {server.uri}")


def log_run(
    server: Mlflow,
    name: str,
    metrics: Mapping[str, float],
    params: Mapping[str, object],
    files: Mapping[str, bytes],
) -> Run:
    """Log one run with these metrics, parameters and files, by name. Raises NoMlflow."""
    made = server.call("POST", "runs/create", experiment_id=find_experiment(server), run_name=name, start_time=now_ms())
    run = Run(made["run"]["info"]["run_id"], made["run"]["info"]["artifact_uri"])
    server.call(
        "POST",
        "runs/log-batch",
        run_id=run.id,
        metrics=[{"key": key, "value": value, "timestamp": now_ms(), "step": 0} for key, value in metrics.items()],
        params=[{"key": key, "value": str(value)} for key, value in params.items()],
    )
    for path, content in files.items():
        server.put(f"{run.artifacts}/{path}", content)
    server.call("POST", "runs/update", run_id=run.id, status="FINISHED", end_time=now_ms())
    return run


def register(server: Mlflow, card: Card, folder: Path, alias: str | None = ALIAS) -> str:
    """Log the bundle in `folder` as a run, register it, and point the alias, if any, at it; return the new version.

    Raises NoMlflow. The alias is moved last, so that whoever fetches meanwhile gets the version before.
    """
    files = {name: (folder / name).read_bytes() for name in FILES}
    mlmodel = MLMODEL.format(model=MODEL_FILE, onnx=card.versions["onnx"], python=card.versions["python"])
    artifacts = {f"model/{name}": content for name, content in (files | {"MLmodel": mlmodel.encode()}).items()}
    params = {"penalty_c": card.penalty_c, "table_sha256": card.training.sha256, "version": card.version}
    run = log_run(server, f"release {card.version}", flatten(card.metrics), params, artifacts)
    if not server.call("GET", "registered-models/search", filter=f"name='{NAME}'").get("registered_models"):
        server.call("POST", "registered-models/create", name=NAME, description=card.target)
    tags = [{"key": hash_tag(name), "value": hashlib.sha256(content).hexdigest()} for name, content in files.items()]
    made = server.call(
        "POST",
        "model-versions/create",
        name=NAME,
        source=f"{run.artifacts}/model",
        run_id=run.id,
        tags=[*tags, {"key": "version", "value": card.version}],
    )
    version: str = made["model_version"]["version"]
    if alias:
        server.call("POST", "registered-models/alias", name=NAME, alias=alias, version=version)
    return version


def log_study(server: Mlflow, study: Study) -> None:
    """Log a run for every candidate, and one that holds the whole study. Raises NoMlflow."""
    for name, result in study.results.items():
        log_run(server, f"candidate {name}", flatten(result.metrics), {"title": result.title, "kind": result.kind}, {})
    whole = study.model_dump_json(indent=1).encode()
    chosen = {"chosen": study.choice.chosen, "lowest": study.choice.lowest, "table_sha256": study.table_sha256}
    log_run(server, "study", {"seconds": study.seconds}, chosen, {"study.json": whole})


def find_experiment(server: Mlflow) -> str:
    """Return the id of our experiment, which is made if it is new. Raises NoMlflow."""
    found = server.call("POST", "experiments/search", filter=f"name = '{EXPERIMENT}'", max_results=1)
    known: list[dict[str, str]] = found.get("experiments", [])
    if known:
        return known[0]["experiment_id"]
    made: str = server.call("POST", "experiments/create", name=EXPERIMENT)["experiment_id"]
    return made


def flatten(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return each metric and the two ends of its interval, by a name of its own."""
    return {
        f"{name}{suffix}": value
        for name, metric in metrics.items()
        for suffix, value in (("", metric.value), ("_low", metric.low), ("_high", metric.high))
    }


def now_ms() -> int:
    """Return the time, in milliseconds since 1970."""
    return int(time.time() * 1000)
