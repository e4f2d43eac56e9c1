"""A bundle that would score wrongly, or not at all, is refused by a service that runs, and the one before goes on."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import free_port, running, service, valkey
from core.schema.patient import EXAMPLE
from models.bundle import FILES, read_card
from models.card import CARD_FILE, MODEL_FILE
from models.probes import PROBES_FILE
from tests import bundles
from tests.bundles import CHAMPION, copy_bundle, place_bundle, place_files, spoil_model

SOON_S = 30
GOOD = read_card(CHAMPION).version
ROWS = 50


@dataclass(frozen=True)
class House:
    """A service whose workers follow a bundle of its own: one process each, for records and for files."""

    http: httpx2.Client
    bundle: Path
    log: Path
    metrics: str

    def ask(self, **query: str) -> dict[str, Any]:
        """Return the ended job of the example patient."""
        answer = self.http.post("/v1/jobs", params=query, json=EXAMPLE, headers={"Prefer": "wait=10"})
        assert answer.status_code == 200
        job: dict[str, Any] = answer.json()
        return job

    def scores(self, **query: str) -> dict[str, Any]:
        """Return what the service says of the example patient."""
        score: dict[str, Any] = self.ask(**query)["scores"][0]
        return score

    def send_file(self) -> str:
        """Have a file scored, and return its results."""
        text = "\n".join([",".join(EXAMPLE), *[",".join(map(str, EXAMPLE.values()))] * ROWS, ""])
        sent = self.http.post("/v1/batches", content=text, headers={"Content-Type": "text/csv"})
        batch = f"/v1/batches/{sent.raise_for_status().json()['id']}"
        wait_until(lambda: self.http.get(batch).json()["finished_at"], within_s=SOON_S, what="the file")
        return self.http.get(f"{batch}/results").raise_for_status().text

    def refused(self) -> dict[str, Any] | None:
        """Return which bundle is refused, after a batch has shown it to the worker."""
        self.scores()
        refused: dict[str, Any] | None = self.http.get("/v1/model").raise_for_status().json().get("refused")
        return refused

    def refused_for(self, reason: str) -> dict[str, Any] | None:
        """Return which bundle is refused, if it is for this reason: a worker may also look while files are replaced."""
        refused = self.refused()
        return refused if refused and reason in refused["reason"] else None

    def refusing(self) -> float:
        """Return how many processes refuse a bundle, as the worker's metrics have it."""
        lines = httpx2.get(self.metrics).text.splitlines()
        [line] = [line for line in lines if line.startswith("scoreline_refused_bundle_processes ")]
        return float(line.split(" ")[1])

    def put_back(self) -> None:
        """Put the released bundle back, and wait until it is taken up."""
        place_files(self.bundle, {name: (CHAMPION / name).read_bytes() for name in FILES})
        wait_until(lambda: self.refused() is None, within_s=SOON_S, what="the refusal to be taken back")
        wait_until(lambda: self.refusing() == 0, within_s=SOON_S, what="the metric")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service, with the released bundle."""
    folder, port = tmp_path_factory.mktemp("poison"), free_port()
    bundle = copy_bundle(folder / "bundle")
    with ExitStack() as stack:
        variables = {
            "SCORELINE_REDIS_URL": stack.enter_context(valkey(folder / "valkey")),
            "SCORELINE_BUNDLE": str(bundle),
            "SCORELINE_VAR": str(folder / "var"),
            "SCORELINE_STORE": f"file://{folder}/store",
            "SCORELINE_WORKER_PROCESSES": "1",
            "SCORELINE_BULK_PROCESSES": "1",
            "SCORELINE_WORKER_METRICS_PORT": str(port),
        }
        files = variables | {"SCORELINE_WORKER_METRICS_PORT": "0"}
        stack.enter_context(running("worker", "run", "--queue", "bulk", log=folder / "bulk.log", **files))
        url = stack.enter_context(service(folder, **variables))
        http = stack.enter_context(httpx2.Client(base_url=url, timeout=30))
        yield House(http, bundle, folder / "run.log", f"http://127.0.0.1:{port}/metrics")


def place_under_the_same_version(folder: Path) -> str:
    """Put another model under the version of the released one."""
    model = spoil_model(bundles.invert_risk)
    sha256 = hashlib.sha256(model).hexdigest()
    card, probes = (json.loads((CHAMPION / name).read_text()) for name in (CARD_FILE, PROBES_FILE))
    vouching = {PROBES_FILE: probes | {"model_sha256": sha256}, CARD_FILE: card | {"model_sha256": sha256}}
    place_files(folder, {MODEL_FILE: model} | {name: json.dumps(said).encode() for name, said in vouching.items()})
    return GOOD


def place_without_probes(folder: Path) -> str:
    """Put a bundle there that has no probes."""
    (folder / PROBES_FILE).unlink()
    return GOOD


BAD: dict[str, tuple[Callable[[Path], str], str]] = {
    "column": (partial(place_bundle, spoil=bundles.make_column), "is float64 of (61, 1)"),
    "inverted": (partial(place_bundle, spoil=bundles.invert_risk), "from what probes.json has"),
    "doubled": (partial(place_bundle, spoil=bundles.double_risk), "is not always from 0 to 1"),
    "same version": (place_under_the_same_version, "The version in card.json is of another model"),
    "new field": (partial(place_bundle, spoil=bundles.drop_term), "is float64 of (61, 12)"),
    "not a number": (partial(place_bundle, spoil=bundles.lose_risk), "is not always from 0 to 1"),
    "single precision": (partial(place_bundle, spoil=bundles.narrow_risk), "is float32 of (61,)"),
    "no model": (partial(place_bundle, model=b"no model"), "not a model that onnxruntime can load"),
    "no probes": (place_without_probes, "has no probes.json"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_bundle_is_refused_with_its_reason_and_the_one_before_goes_on(name: str, house: House) -> None:
    place, reason = BAD[name]
    before = house.scores(explain="true")
    version = place(house.bundle)
    refused = wait_until(partial(house.refused_for, reason), within_s=SOON_S, what="the refusal")
    assert refused["version"] == version
    assert str(house.bundle) not in refused["reason"]
    assert house.http.get("/v1/model").json()["version"] == GOOD
    page = house.http.get("/model").raise_for_status().text
    assert "A newer bundle is refused" in page
    assert version in page
    wait_until(lambda: house.refusing() == 1, within_s=SOON_S, what="the metric")
    assert f"a new bundle is refused, model {GOOD} goes on: " in house.log.read_text()
    assert house.scores(explain="true") == before
    assert GOOD in house.send_file()
    house.put_back()
    assert house.scores(explain="true") == before
    assert "A newer bundle is refused" not in house.http.get("/model").text


def test_a_model_that_never_ends_holds_up_no_one_for_long_and_a_good_one_after_it_is_taken_up(house: House) -> None:
    place_bundle(house.bundle, bundles.loop_for_ever)
    for _ in range(5):  # the first of which waits a second for the trial
        assert house.scores()["model_version"] == GOOD
    good = place_bundle(house.bundle, version="3.0.0")
    wait_until(lambda: house.scores()["model_version"] == good, within_s=SOON_S, what="the good bundle")
    assert house.refused() is None
    place_files(house.bundle, {name: (CHAMPION / name).read_bytes() for name in FILES})
    wait_until(lambda: house.scores()["model_version"] == GOOD, within_s=SOON_S, what="the released bundle")
