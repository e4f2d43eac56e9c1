"""Metrics where something is away: the ledger, the port, or the wish for any."""

import socket
from pathlib import Path

import httpx2
import pytest

from bench.local.conditions import wait_until
from bench.local.programs import free_port, gateway, responds, running, stop, valkey

SOON_S = 20


def test_a_ledger_that_is_away_is_said_to_be_and_fails_no_scrape(tmp_path: Path) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    port = str(free_port())
    with gateway(tmp_path, SCORELINE_REDIS_URL=away, SCORELINE_API_METRICS_PORT=port, SCORELINE_VAR=str(tmp_path)):
        answer = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert answer.status_code == 200
    assert "\nscoreline_ledger_up 0.0\n" in answer.text
    assert "scoreline_backlog_patients" not in answer.text
    assert "scoreline_redis" not in answer.text
    assert "\nscoreline_waiting_clients 0.0\n" in answer.text


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("measured", ["false", "true"])
def test_a_gateway_shows_metrics_on_their_own_port_alone_and_only_if_it_is_measured(
    tmp_path: Path, measured: str, processes: str
) -> None:
    port = str(free_port())
    variables = {
        "SCORELINE_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "SCORELINE_API_METRICS_PORT": port,
        "SCORELINE_API_PROCESSES": processes,
        "SCORELINE_METRICS": measured,
        "SCORELINE_VAR": str(tmp_path),
    }
    with gateway(tmp_path, **variables) as url:
        assert httpx2.get(f"{url}/metrics").status_code == 404
        assert responds(f"http://127.0.0.1:{port}/metrics") == (measured == "true")


def test_a_port_that_is_taken_is_waited_for_while_all_else_goes_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door, valkey(tmp_path / "valkey") as redis_url:
        port = door.getsockname()[1]
        log = tmp_path / "sweep.log"
        variables = {"SCORELINE_REDIS_URL": redis_url, "SCORELINE_SWEEP_METRICS_PORT": str(port)}
        with running("worker", "sweep", log=log, SCORELINE_VAR=str(tmp_path), **variables) as sweep:
            wait_until(lambda: "cannot be shown" in log.read_text(), within_s=SOON_S, what="the warning")
            door.close()
            wait_until(lambda: responds(f"http://127.0.0.1:{port}/metrics"), within_s=SOON_S, what="the metrics")
            stop(sweep)
            assert sweep.returncode == 0
