"""The committed dashboards are what the code makes, and say what they show."""

import re
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring.grafana.board import encode, path_of
from monitoring.grafana.every import make_boards
from monitoring.listing import list_metrics
from tests.dashboards import BOARDS, FILES, GRAFANA, PANELS, QUERIES, Query, fill, variables_of

MADE = make_boards()
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
OURS = {metric.name + suffix for metric in list_metrics() for suffix in SUFFIXES.get(metric.type, ("",))}
OF_OTHERS = {  # Prometheus's own, and those of celery-exporter 0.11 and 0.12
    "up",
    "celery_active_worker_count",
    "celery_task_failed_total",
    "celery_task_retried_total",
    "celery_task_runtime_bucket",
    "celery_task_succeeded_total",
}


@pytest.mark.parametrize("board", MADE, ids=lambda board: str(board.uid))
def test_what_is_committed_is_what_the_code_makes(board: Dashboard) -> None:
    assert path_of(board).read_text() == encode(board), "run `make dashboards`"


def test_each_dashboard_has_a_uid_and_a_title_of_its_own_and_there_are_no_others() -> None:
    assert [path.stem for path in FILES] == sorted(str(board.uid) for board in MADE)
    assert len({board["title"] for board in BOARDS.values()}) == len(MADE) == 4


def provisioned(folder: str) -> dict[str, Any]:
    """Return what Grafana is provisioned with."""
    [path] = (GRAFANA / "provisioning" / folder).glob("*.yml")
    parsed: dict[str, Any] = yaml.safe_load(path.read_text())
    return parsed


def test_every_panel_query_and_variable_asks_the_datasource_that_is_provisioned() -> None:
    [source] = provisioned("datasources")["datasources"]
    asked = {"type": source["type"], "uid": source["uid"]}
    for uid, panel in PANELS:
        assert all(part["datasource"] == asked for part in (panel, *panel["targets"])), (uid, panel["title"])
    for board in BOARDS.values():
        assert all(variable["datasource"] == asked for variable in board["templating"]["list"])
        assert "__inputs" not in board


def test_a_rate_is_taken_over_scrapes_as_often_as_prometheus_makes_them() -> None:
    [source] = provisioned("datasources")["datasources"]
    prometheus = yaml.safe_load((GRAFANA.parent / "prometheus" / "prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=lambda panel: str(panel["title"]))
def test_a_panel_says_what_it_asks_in_which_unit_and_why_its_threshold_is_there(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["title"]
    assert defaults["unit"]
    question, _, why = panel["description"].partition("? ")
    assert question
    first, *steps = defaults["thresholds"]["steps"]
    assert first["value"] is None
    assert steps
    values = [step["value"] for step in steps]
    assert values == sorted(set(values))
    for color in {step["color"] for step in (first, *steps)} - {"green"}:
        assert re.search(color, why, re.IGNORECASE), f"why {color}?"


@pytest.mark.parametrize("uid", BOARDS)
def test_no_two_panels_of_a_dashboard_lie_on_each_other(uid: str) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in BOARDS[uid]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        taken = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert not taken & cells
        cells |= taken


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_is_promql_about_metrics_that_there_are(query: Query) -> None:
    variables = variables_of(query.board)
    filled = fill(query.expr, {name: ["a", "/v1/jobs/{id}"] for name in variables}, window="1m", shown="1h")
    assert "$" not in filled, "a variable that the dashboard has not"
    assert metrics_of(filled) <= OURS | OF_OTHERS


@pytest.mark.parametrize("uid", BOARDS)
def test_a_variable_is_one_of_the_labels_of_a_metric_and_is_used(uid: str) -> None:
    for name, (label, series) in variables_of(uid).items():
        assert metrics_of(series) <= OURS
        assert label == name
        assert any(f"${name}" in query.expr for query in QUERIES if query.board == uid)


def metrics_of(expr: str) -> set[str]:
    """Return the names of the metrics in a query. Raises ValueError for what is no PromQL."""
    names = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            names.add(str(node.name))

    promql_parser.walk(promql_parser.parse(expr), visit)
    return names
