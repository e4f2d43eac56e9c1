"""The dashboards as they are committed: their panels and queries, and how Grafana fills in what these leave open."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bench.local.programs import ROOT

GRAFANA = ROOT / "monitoring" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))


class Query(NamedTuple):
    """A query of a panel: what Grafana asks Prometheus, at once or for each moment of the time shown."""

    board: str
    title: str
    expr: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.board}: {self.title}: {self.expr[:50]}"


def read(board: str) -> dict[str, Any]:
    """Return the dashboard with this uid."""
    parsed: dict[str, Any] = json.loads((GRAFANA / "dashboards" / f"{board}.json").read_text())
    return parsed


BOARDS = {path.stem: read(path.stem) for path in FILES}
PANELS = [(uid, panel) for uid, board in BOARDS.items() for panel in board["panels"]]
QUERIES = [
    Query(uid, panel["title"], target["expr"], target.get("instant", False))
    for uid, panel in PANELS
    for target in panel["targets"]
]


def variables_of(board: str) -> dict[str, tuple[str, str]]:
    """Return the variables of a dashboard by name: which label's values they have, and of which series."""
    found = {}
    for variable in BOARDS[board]["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert asked, variable["name"]
        found[variable["name"]] = (asked[2], asked[1])
    return found


def fill(expr: str, values: Mapping[str, Sequence[str]], window: str, shown: str) -> str:
    """Return the query with these values of its variables, all of them, and with the windows of time."""
    for name, choices in values.items():
        expr = expr.replace(f"${name}", "(" + "|".join(map(escape, choices)) + ")")
    return expr.replace("$__rate_interval", window).replace("$__range", shown)


def escape(value: str) -> str:
    """Return a value as Grafana puts it between the quotes of a regular expression."""
    return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\\\\\\\"))
