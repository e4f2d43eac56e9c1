"""The bench's flood is one: it reaches its height, is counted, and leaves nothing open when it is over."""

from pathlib import Path

from bench.load.client import Client
from bench.load.flood import OPEN, flooded
from bench.load.wrk import write_patients
from bench.local.keyed import Keyed
from bench.local.programs import gateway, valkey


def test_a_flood_fills_the_backlog_and_is_gone_with_its_block(tmp_path: Path) -> None:
    settings = {"SCORELINE_API_KEYS": "required", "SCORELINE_BACKLOG_LIMIT": "20", "SCORELINE_PATIENTS_LIMIT": "10"}
    with (
        valkey(tmp_path / "valkey") as redis_url,
        gateway(tmp_path, SCORELINE_REDIS_URL=redis_url, **settings) as url,
    ):
        key = Keyed(url, redis_url, tmp_path).make_key()
        with Client(url, key) as client:
            with flooded("backlog", url, key, write_patients(tmp_path / "job", 7)) as answers:
                assert client.ask("GET", "/v1/jobs?state=queued") == 200
                assert client.json()["data"]
            assert answers[202] > 0
            assert answers[429] > 0
            for state in OPEN:
                assert client.ask("GET", f"/v1/jobs?state={state}") == 200
                assert client.json()["data"] == []
