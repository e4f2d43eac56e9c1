"""The audit: who did what, written down by the step that does it; ids and times alone."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.keyed import Keyed, prefix_of
from bench.local.programs import ROOT
from core.errors import UnknownKey
from core.ledger.key import UNLIMITED, Caller, Limits, Scope
from core.ledger.redis.access.audit import Action, Audit, AuditEvent
from core.ledger.redis.access.keyring import Keyring
from core.ledger.redis.keys import AUDIT
from core.ledger.redis.ledger import RedisLedger
from core.schema.patient import EXAMPLE
from core.settings import Settings
from tests.ledgers import submit
from tests.patients import new_job

OWNER = Caller("aa", frozenset({Scope.SCORE, Scope.READ}))
ADMIN = Caller("bb", frozenset({Scope.ADMIN}))


@pytest.fixture
def audit(redis: Redis) -> Audit:
    return Audit(redis)


def deeds(audit: Audit) -> list[AuditEvent]:
    """Return all that was done."""
    return [deed for _, deed in audit.read()]


def test_a_group_of_jobs_is_noted_once_an_owner_and_what_was_refused_is_not(
    redis: Redis, settings: Settings, audit: Audit
) -> None:
    ledger, other = RedisLedger(redis, settings), Caller("cc", OWNER.scopes, Limits(rows_per_day=1))
    mine, theirs = [new_job(by=OWNER) for _ in range(3)], [new_job(by=other) for _ in range(2)]
    nobodys = new_job()
    ledger.submit([*mine, *theirs, nobodys])
    assert sorted(deeds(audit), key=lambda deed: deed.key) == [
        AuditEvent("aa", Action.SUBMIT, "job", tuple(job.id for job in mine)),
        AuditEvent("cc", Action.SUBMIT, "job", (theirs[0].id,)),
    ]
    ledger.submit([*mine, *theirs[:1]])  # the answer was lost, and it is sent again
    assert len(deeds(audit)) == 2


def test_what_is_canceled_and_erased_is_noted_of_who_did_it(redis: Redis, settings: Settings, audit: Audit) -> None:
    ledger, job = RedisLedger(redis, settings), new_job(by=OWNER)
    submit(ledger, job)
    ledger.cancel(job.id, ADMIN)
    ledger.cancel(job.id, OWNER)  # it has ended, so nothing is done
    ledger.erase(job.id, OWNER)
    assert deeds(audit)[1:] == [
        AuditEvent("bb", Action.CANCEL, "job", (job.id,)),
        AuditEvent("aa", Action.ERASE, "job", (job.id,)),
    ]


def test_without_keys_nothing_of_jobs_is_noted(redis: Redis, settings: Settings, audit: Audit) -> None:
    ledger, job = RedisLedger(redis, settings), new_job()
    submit(ledger, job)
    ledger.cancel(job.id)
    ledger.erase(job.id)
    assert deeds(audit) == []


def test_keys_and_models_are_noted_when_they_change(redis: Redis, audit: Audit) -> None:
    keyring = Keyring(redis)
    prefix = prefix_of(keyring.create("ward", [Scope.READ], UNLIMITED))
    keyring.revoke(prefix)
    keyring.revoke(prefix)
    for version in ("1.0", "1.0", "1.1"):
        audit.note_model(version)
    with pytest.raises(UnknownKey):
        keyring.revoke("0" * 8)
    assert deeds(audit) == [
        AuditEvent("operator", Action.CREATE_KEY, "key", (prefix,)),
        AuditEvent("operator", Action.REVOKE_KEY, "key", (prefix,)),
        AuditEvent("worker", Action.CHANGE_MODEL, "model", ("1.0",)),
        AuditEvent("worker", Action.CHANGE_MODEL, "model", ("1.1",)),
    ]


def test_what_is_older_than_it_is_kept_for_is_trimmed_and_what_is_younger_read_on(redis: Redis, audit: Audit) -> None:
    redis.execute_command("CONFIG", "SET", "stream-node-max-entries", "1")
    for days in (3, 2, 1):
        at = datetime.now(UTC) - timedelta(days=days)
        redis.xadd(AUDIT, AuditEvent("aa", Action.LIST, "job").fields(), id=f"{int(at.timestamp() * 1000)}-0")
    audit.trim(2.5 * 86_400)
    redis.execute_command("CONFIG", "SET", "stream-node-max-entries", "100")
    assert len(deeds(audit)) == 2
    assert len(list(audit.read(datetime.now(UTC) - timedelta(days=1.5)))) == 1


def test_reading_is_noted_within_seconds_and_the_command_prints_all_of_it(keyed: Keyed) -> None:
    key = keyed.make_key()
    with keyed.client(key) as client:
        id = client.post("/v1/jobs", json=EXAMPLE).json()["id"]
        for _ in range(3):
            client.get(f"/v1/jobs/{id}")
        client.get("/v1/jobs")
        client.get("/v1/jobs/no-id")
        client.delete(f"/v1/jobs/{id}")
    wanted = {("submit", id), ("read", id), ("list", None), ("erase", id)}

    def done() -> list[dict[str, str]] | None:
        lines = printed(keyed, "audit", "--since", "1h", "--key", prefix_of(key)).splitlines()
        said = [json.loads(line) for line in lines]
        return said if {(one["action"], one["id"]) for one in said} == wanted else None

    said = wait_until(done, within_s=20, what="all to be noted")
    assert len(said) == len(wanted)
    assert {one["kind"] for one in said} == {"job"}


def test_keys_are_made_listed_and_revoked_on_the_command_line(keyed: Keyed) -> None:
    key = printed(keyed, "keys", "create", "--name", "ward 7", "--scope", "read", "--rows-per-day", "9").strip()
    listed = next(line for line in printed(keyed, "keys", "list").splitlines() if prefix_of(key) in line)
    assert listed.split("\t")[1:3] + listed.split("\t")[-1:] == ["valid", "read", "ward 7"]
    assert key.split("_")[2] not in printed(keyed, "keys", "list")
    with keyed.client(key) as client:
        assert client.get("/v1/jobs").status_code == 200
    printed(keyed, "keys", "revoke", prefix_of(key))
    assert f"{prefix_of(key)}\trevoked" in printed(keyed, "keys", "list")
    assert httpx2.get(f"{keyed.url}/health/ready").status_code == 200


def printed(keyed: Keyed, *arguments: str) -> str:
    """Return what `python -m api` prints with these arguments."""
    env = os.environ | {"SCORELINE_REDIS_URL": keyed.redis_url}
    command = [sys.executable, "-m", "api", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
