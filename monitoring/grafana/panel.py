"""How a panel is made: each says which question it answers, from where on the answer is a bad one, and why there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, stat, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Kind = TypeVar("Kind", timeseries.Panel, stat.Panel, bargauge.Panel)

SOURCE = common.DataSourceRef(type_val="prometheus", uid="scoreline-prometheus")
GREEN, YELLOW, RED = "green", "yellow", "red"
HEIGHT, FULL, HALF, QUARTER = 8, 24, 12, 6  # of a grid that is 24 wide
LOW = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What a panel is to say: its title, the question that it answers, and the unit of the answer.

    `steps` are the values from which on the answer has a colour; below the first of them it is `first`. `why` says
    why there; it names the colours.
    """

    title: str
    question: str
    unit: str
    steps: Sequence[tuple[float, str]]
    why: str
    first: str = GREEN


def lines(asked: Asked, queries: Mapping[str, str], width: int = HALF) -> timeseries.Panel:
    """Return a panel of lines over time: of each query by its legend, in which {{label}} stands for a label's value."""
    panel = ask(timeseries.Panel(), asked, width, HEIGHT)
    for letter, (legend, expr) in zip(ascii_uppercase, queries.items(), strict=False):
        panel.with_target(query(expr, legend).ref_id(letter).range())
    legend_table = VizLegendOptions().display_mode(common.LegendDisplayMode.TABLE).show_legend(True)
    return (
        panel.min(0)
        .fill_opacity(8)
        .thresholds_style(GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
        .legend(legend_table.placement(common.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"]))
        .tooltip(VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    )


def number(asked: Asked, expr: str, legend: str = "") -> stat.Panel:
    """Return a panel of what holds now: one number, or one for each value of the label that the legend names."""
    return (
        ask(stat.Panel(), asked, QUARTER, LOW)
        .with_target(query(expr, legend).ref_id("A").instant())
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .graph_mode(common.BigValueGraphMode.NONE)
    )


def buckets(asked: Asked, expr: str) -> bargauge.Panel:
    """Return a panel of a histogram's buckets, `expr` of which is cumulative by `le`; Grafana takes it apart."""
    return (
        ask(bargauge.Panel(), asked, FULL, HEIGHT)
        .with_target(query(expr, "{{le}}").ref_id("A").instant().format(PromQueryFormat.HEATMAP))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(common.VizOrientation.VERTICAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .min(0)
    )


def ask(panel: Kind, asked: Asked, width: int, height: int) -> Kind:
    """Return the panel with what every panel has."""
    steps = [Threshold(value=None, color=asked.first), *(Threshold(value, color) for value, color in asked.steps)]
    return (
        panel.title(asked.title)
        .description(f"{asked.question} {asked.why}")
        .unit(asked.unit)
        .thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        .datasource(SOURCE)
        .span(width)
        .height(height)
    )


def query(expr: str, legend: str) -> Dataquery:
    """Return a query of Prometheus."""
    return Dataquery().datasource(SOURCE).expr(expr).legend_format(legend or "__auto")


def quantiles(bucket: str, window: str = "[$__rate_interval]") -> dict[str, str]:
    """Return the queries of three quantiles of a histogram, whose buckets are selected, by their legends."""
    sums = f"sum by (le) (rate({bucket}{window}))"
    return {f"p{100 * share:g}": f"histogram_quantile({share}, {sums})" for share in (0.5, 0.95, 0.99)}


def or_none(expr: str) -> str:
    """Return a query that is 0 where nothing of the kind has happened yet, so that a panel is never empty."""
    return f"({expr} or on() vector(0))"


def share(part: str, whole: str) -> str:
    """Return a query for a share, which is 0 where there is no whole; `whole` has no labels."""
    return f"{part} / on() group_left() ({whole} > 0 or vector(1))"
