"""What all dashboards have in common, and how one is written down."""

import json
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, QueryVariable
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from monitoring.grafana.panel import SOURCE

FOLDER = Path(__file__).parent / "dashboards"
TAG = "scoreline"
SCHEMA = 41  # that of Grafana 11.6; the SDK is of a later one
QUERY_LABEL_VALUES = 1  # as Grafana's editor of variables numbers the kinds of its queries


def begin_board(name: str, about: str) -> Dashboard:
    """Return a dashboard without panels; its uid and its file are called by its name."""
    others = DashboardLink("Scoreline").type(model.DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    return (
        Dashboard(f"Scoreline: {name}")
        .uid(f"scoreline-{name.lower().replace(' ', '-')}")
        .description(about)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("10s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(others.include_vars(False).keep_time(True))
    )


def choose(label: str, series: str, about: str) -> QueryVariable:
    """Return a variable that holds one, some or all values that a label has in these series."""
    query = f"label_values({series}, {label})"
    return (
        QueryVariable(label)
        .description(about)
        .datasource(SOURCE)
        .query({"qryType": QUERY_LABEL_VALUES, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
    )


def encode(board: model.Dashboard) -> str:
    """Return the dashboard as its file has it."""
    board.schema_version = SCHEMA
    return json.dumps(board, cls=JSONEncoder, indent=2) + "\n"


def path_of(board: model.Dashboard) -> Path:
    """Return where the dashboard is kept."""
    return FOLDER / f"{board.uid}.json"


def write(board: model.Dashboard) -> Path:
    """Write the dashboard to its file, and return where that is."""
    path = path_of(board)
    path.write_text(encode(board))
    return path
