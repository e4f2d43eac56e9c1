"""Drift where keys are required: a key sees that of its own patients alone, and an `admin` that of all."""

from collections.abc import Callable
from typing import Any

import httpx2

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed
from core.ledger.key import Scope
from core.schema.patient import EXAMPLE
from monitoring.drift import PATIENTS_NEEDED

SOON_S = 30
RARE = EXAMPLE | {"age": 77, "sex": "female", "cp": "typical", "oldpeak": 6.2}


def submit(client: httpx2.Client, patient: dict[str, Any], patients: int = 1) -> None:
    """Have so many patients scored as one job."""
    answer = client.post("/v1/jobs", json={"patients": [patient] * patients}, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200


def upload(client: httpx2.Client, patient: dict[str, Any], rows: int) -> None:
    """Have a file scored."""
    file = "\n".join([",".join(patient), *[",".join(map(str, patient.values()))] * rows, ""])
    sent = client.post("/v1/batches", content=file, headers={"Content-Type": "text/csv"})
    wait_until(
        lambda: client.get(sent.headers["Location"]).json()["state"] == "succeeded", within_s=SOON_S, what="the file"
    )


def drift(client: httpx2.Client) -> dict[str, Any]:
    """Return what a key is told of drift, but for when that was."""
    answer = client.get("/v1/drift")
    assert answer.status_code == 200
    return {name: value for name, value in answer.json().items() if name not in ("since", "until")}


def page(client: httpx2.Client) -> str:
    """Return the page of drift from its first table on; before it stands until when was counted."""
    return client.get("/drift").text.partition("<tbody>")[2]


def counts(client: httpx2.Client, patients: int) -> Callable[[], bool]:
    """Return what says whether the key is told of so many patients."""
    return lambda: drift(client)["patients"] == patients


def test_of_few_patients_no_drift_is_told(keyed: Keyed) -> None:
    with keyed.client(keyed.make_key()) as mine:
        submit(mine, EXAMPLE)
        assert "Too few patients to tell" in mine.get("/drift?hours=1").text


def test_a_key_is_told_of_its_own_patients_and_nothing_of_anothers(keyed: Keyed) -> None:
    makers = (keyed.make_key(), keyed.make_key(), keyed.make_key([Scope.ADMIN]))
    with keyed.client(makers[0]) as mine, keyed.client(makers[1]) as theirs, keyed.client(makers[2]) as admin:
        submit(theirs, EXAMPLE, PATIENTS_NEEDED)
        wait_until(counts(theirs, PATIENTS_NEEDED), within_s=SOON_S, what="their patients to be counted")
        before, shown, all_before = drift(theirs), page(theirs), drift(admin)["patients"]
        assert any(bin["patients"] for one in before["features"] for bin in one["bins"])
        submit(mine, RARE)
        upload(mine, RARE, 2)
        wait_until(counts(mine, 3), within_s=SOON_S, what="my patients to be counted")
        assert drift(admin)["patients"] >= all_before + 3
        assert drift(theirs) == before
        assert page(theirs) == shown
        assert "your key" in mine.get("/drift").text
        assert "your key" not in admin.get("/drift").text
