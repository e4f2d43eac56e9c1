"""Drift over HTTP, of a real service: who is counted, by whom it is shown, and what is never in the way."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import ROOT, free_port, gateway, responds, running, valkey
from core.ledger.redis.constants import HOUR_S
from core.ledger.redis.keys import CARD, HISTOGRAMS
from core.schema.patient import EXAMPLE
from models.card import CARD_FILE
from tests.bundles import place_bundle

SOON_S = 30
CHAMPION = ROOT / "models" / "champion"
MARKED_AGE = 54.321987
PATIENT = EXAMPLE | {"age": MARKED_AGE}


class House(NamedTuple):
    """A service of two gateway processes, a worker and a bulk worker, with a bundle that the tests promote."""

    http: httpx2.Client
    redis: Redis
    gateway: str
    worker: str
    bundle: Path
    log: Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service."""
    folder = tmp_path_factory.mktemp("drift")
    bundle, ports = shutil.copytree(CHAMPION, folder / "bundle"), [free_port() for _ in range(2)]
    with ExitStack() as stack:
        redis_url = stack.enter_context(valkey(folder / "valkey"))
        variables = {
            "SCORELINE_REDIS_URL": redis_url,
            "SCORELINE_VAR": str(folder / "var"),
            "SCORELINE_BUNDLE": str(bundle),
            "SCORELINE_API_PROCESSES": "2",
            "SCORELINE_WORKER_PROCESSES": "1",
            "SCORELINE_BULK_PROCESSES": "1",
            "SCORELINE_API_METRICS_PORT": str(ports[0]),
            "SCORELINE_WORKER_METRICS_PORT": str(ports[1]),
        }
        url = stack.enter_context(gateway(folder, **variables))
        http = stack.enter_context(httpx2.Client(base_url=url, timeout=30))
        assert http.get("/v1/model").status_code == http.get("/v1/drift").status_code == 503
        assert "whether one runs" in http.get("/v1/model").json()["detail"]
        for room in (["run"], ["sweep"], ["run", "--queue", "bulk"]):
            stack.enter_context(running("worker", *room, log=folder / f"{room[-1]}.log", **variables))
        wait_until(lambda: responds(f"{url}/health/ready"), within_s=SOON_S, what="the service to be ready")
        redis = stack.enter_context(Redis.from_url(redis_url))
        shown, worker = (f"http://127.0.0.1:{port}/metrics" for port in ports)
        yield House(http, redis, shown, worker, bundle, folder / "run.log")


def submit(house: House, patients: int) -> str:
    """Have patients scored as one job, and return the model's version."""
    body = {"patients": [PATIENT] * patients} if patients > 1 else PATIENT
    answer = house.http.post("/v1/jobs", json=body, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200
    return str(answer.json()["scores"][0]["model_version"])


def upload(house: House, rows: int) -> None:
    """Have a file scored."""
    file = "\n".join([",".join(PATIENT), *[",".join(map(str, PATIENT.values()))] * rows, ""])
    sent = house.http.post("/v1/batches", content=file, headers={"Content-Type": "text/csv"})
    batch = f"/v1/batches/{sent.json()['id']}"
    wait_until(lambda: house.http.get(batch).json()["state"] == "succeeded", within_s=SOON_S, what="the file")


def drift(house: House, version: str | None = None) -> dict[str, Any]:
    """Return what is said of drift."""
    answer = house.http.get("/v1/drift", params={"model_version": version} if version else None)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def wait_for_patients(house: House, patients: int) -> None:
    """Wait until so many are counted; then no more come."""
    wait_until(lambda: drift(house)["patients"] >= patients, within_s=SOON_S, what="all to be counted")
    assert drift(house)["patients"] == patients


def gauges(house: House) -> dict[tuple[str, str], float]:
    """Return the gauges of drift, by name and feature."""
    families = text_string_to_metric_families(httpx2.get(house.gateway).text)
    samples = [sample for family in families for sample in family.samples if "_drift_" in sample.name]
    return {(sample.name, sample.labels.get("feature", "")): sample.value for sample in samples}


def test_single_patients_lists_and_files_are_counted_and_no_canary(house: House) -> None:
    for _ in range(5):
        submit(house, 1)
    submit(house, 40)
    upload(house, 30)
    wait_for_patients(house, 75)
    told = drift(house)
    assert told["drifting"] == []
    assert {one["verdict"] for one in told["features"]} == {"too few patients"}
    assert set(gauges(house).values()) == {0, 75}
    submit(house, 25)
    wait_for_patients(house, 100)
    told = drift(house)
    age = next(one for one in told["features"] if one["feature"] == "age")
    assert {bin["label"]: bin["patients"] for bin in age["bins"] if bin["patients"]} == {"53 to 56": 100}
    assert age["verdict"] == "drifting"
    assert age["psi"] > told["psi_limit"]
    assert age["p_value"] < told["size_per_feature"] < told["size"]
    assert {(one["feature"], sum(bin["patients"] for bin in one["bins"])) for one in told["features"]} == {
        (one["feature"], 100) for one in told["features"]
    }
    shown = gauges(house)
    assert shown["scoreline_drift_patients", ""] == 100
    assert shown["scoreline_drift_alarm", "age"] == 1
    assert shown["scoreline_drift_psi", "age"] == age["psi"]


def test_nothing_of_a_patient_can_be_read_from_what_is_kept(house: House) -> None:
    assert submit(house, 1)
    keys = wait_until(lambda: house.redis.keys(HISTOGRAMS + "*"), within_s=SOON_S, what="a count")
    known = json.loads((CHAMPION / CARD_FILE).read_text())["reference"]["features"]
    names = {f"{feature}={label}" for feature, bins in known.items() for label in bins["labels"]}
    for key in keys:
        counts = cast(dict[bytes, bytes], house.redis.hgetall(key))
        assert {name.decode() for name in counts} <= names
        assert all(count.isdigit() for count in counts.values())
    for text in (house.http.get("/v1/drift").text, httpx2.get(house.gateway).text):
        assert str(MARKED_AGE) not in text


def test_the_card_is_told_and_a_promoted_model_is_counted_by_itself(house: House) -> None:
    first = submit(house, 1)
    assert house.http.get("/v1/model").json() == json.loads((CHAMPION / CARD_FILE).read_text())
    before = drift(house)["patients"]
    promoted = place_bundle(house.bundle)
    wait_until(lambda: submit(house, 1) == promoted, within_s=SOON_S, what="the promoted model")
    submit(house, 6)
    wait_until(lambda: house.http.get("/v1/model").json()["version"] == promoted, within_s=SOON_S, what="the card")
    wait_for_patients(house, 7)
    assert drift(house)["model_version"] == promoted
    assert drift(house, first)["patients"] >= before
    assert house.http.get(f"/v1/model/{first}").json()["version"] == first
    assert house.http.get("/v1/model/9.9.9").json()["type"] == "urn:scoreline:problem:unknown-model"
    assert house.http.get("/v1/drift?model_version=9.9.9").status_code == 404
    assert house.http.get("/v1/drift?hours=0").status_code == house.http.get("/v1/drift?hours=169").status_code == 422


def test_conformal_sets_are_counted_by_their_words(house: House) -> None:
    def sets() -> float:
        families = text_string_to_metric_families(httpx2.get(house.worker).text)
        samples = [sample for family in families for sample in family.samples]
        return sum(s.value for s in samples if s.name == "scoreline_conformal_sets_total" and s.value)

    before = sets()
    submit(house, 11)
    wait_until(lambda: sets() == before + 11, within_s=SOON_S, what="the sets to be counted")


def test_a_ledger_that_refuses_to_count_costs_no_score(house: House) -> None:
    version, hour = submit(house, 1), int(house.redis.time()[0]) // HOUR_S
    spoiled = [f"{HISTOGRAMS}{version}:{place}" for place in (hour, hour + 1)]
    for key in spoiled:
        house.redis.set(key, "no histogram", keepttl=True)
    for _ in range(3):
        submit(house, 5)
    wait_until(
        lambda: "patients are not counted for drift: ResponseError" in house.log.read_text(),
        within_s=SOON_S,
        what="the warning",
    )
    assert submit(house, 1) == version
    house.redis.delete(*spoiled)
    submit(house, 3)
    wait_until(lambda: drift(house)["patients"] >= 3, within_s=SOON_S, what="those after it to be counted")


def test_no_card_and_no_histogram_is_kept_for_ever(house: House) -> None:
    submit(house, 1)
    keys = [key for pattern in (HISTOGRAMS, CARD) for key in house.redis.keys(pattern + "*")]
    assert len(keys) >= 2
    assert all(house.redis.ttl(key) > 0 for key in keys)
