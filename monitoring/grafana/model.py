"""What the model says, of whom, and whether they are like those that it learned from."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import units

from monitoring.drift import PATIENTS_NEEDED, PSI_LIMIT
from monitoring.grafana.board import begin_board, choose
from monitoring.grafana.panel import FULL, GREEN, RED, YELLOW, Asked, lines, number, or_none, share

VERSIONS = Asked(
    "Models that answer",
    "How many versions of the model have scored patients of late?",
    units.NoUnit,
    [(2, YELLOW)],
    "Yellow from 2: a release is under way, or a worker was left behind with an old one.",
)
ALARMS = Asked(
    "Features that drift",
    "How many features are so unlike those of the training table that the service calls it drift?",
    units.NoUnit,
    [(1, RED)],
    "Red from 1: look at the feature below, then at where its values come from; a unit or a code that changed is more "
    "likely than patients who did.",
)
WINDOW = Asked(
    "Patients compared for drift",
    "Of how many patients of the last 24 hours is drift told?",
    units.Short,
    [(PATIENTS_NEEDED, GREEN)],
    f"Yellow below {PATIENTS_NEEDED}: of fewer no drift is told.",
    first=YELLOW,
)
LOST = Asked(
    "Patients without an answer",
    "To which share of patients does the model give neither or both labels, at 90 %?",
    units.PercentUnit,
    [(0.25, YELLOW), (0.5, RED)],
    "Yellow from a quarter: of the patients of the training table it is an eighth. Red from a half: most patients are "
    "told little.",
)
RISK = Asked(
    "Mean risk",
    "How high is the risk that each version predicts, in the mean?",
    units.PercentUnit,
    [(0.32, GREEN), (0.6, RED)],
    "Green from 0.32 to 0.60: the model's mean over the training table is 0.46, from which that of a hundred such "
    "patients differs by less than 0.14 (four standard errors). Red: they are others, or their values are.",
    first=RED,
)
RATE = Asked(
    "Patients by version",
    "Which version scores how many patients a second?",
    units.CountsPerSecond,
    [(35_000, YELLOW)],
    "Yellow from 35,000 a second: near the most that two processes were seen to score; "
    "bench/RESULTS.md has what was measured.",
)
DRIFT = Asked(
    "Drift by feature",
    "How far are the last 24 hours from the training table, as the population stability index (PSI) has it?",
    units.NoUnit,
    [(PSI_LIMIT, YELLOW), (0.25, RED)],
    f"Yellow from {PSI_LIMIT}, where a feature drifts if a test doubts it too, and red from 0.25, the usual sign of a "
    "major shift (Siddiqi, Credit Risk Scorecards, 2006).",
)
SETS = Asked(
    "Conformal sets",
    "What does the set of each patient hold that has the right label with 90 %?",
    units.PercentUnit,
    [(0.9, YELLOW)],
    "Yellow from 0.9: where nearly everyone is given the same set, the input is stuck. In the training table 0.45 have "
    "no disease, 0.42 disease, and 0.13 both.",
)
SIZE = Asked(
    "Set size",
    "How many labels does a conformal set hold, in the mean?",
    units.Number,
    [(1.25, YELLOW), (1.5, RED)],
    "Yellow from 1.25: training measured 1.18, with an interval up to 1.22 (docs/model-card.md). Red from 1.5: half of "
    "all patients are told both.",
)

VERSION = 'model_version=~"$model_version"'


def make_model() -> Dashboard:
    """Return the dashboard."""
    board = begin_board("Model", "Does the model answer as it did, and are its patients those that it learned from?")
    about = "Versions of the model that are shown."
    board.with_variable(choose("model_version", "scoreline_predicted_risk_count", about))
    for panel in (*now(), *of_risks(), *of_features(), *of_sets()):
        board.with_panel(panel)
    return board


def now() -> Iterator[stat.Panel]:
    """Yield the panels of what holds now."""
    answering = "sum by (model_version) (increase(scoreline_predicted_risk_count[$__rate_interval])) > 0"
    yield number(VERSIONS, or_none(f"count({answering})"))
    yield number(ALARMS, f"sum(max by (feature) (scoreline_drift_alarm{{{VERSION}}}))")
    yield number(WINDOW, f"max by (model_version) (scoreline_drift_patients{{{VERSION}}})", "{{model_version}}")
    yield number(LOST, share(or_none(f"sum({sets('both|neither')})"), f"sum({sets()})"))


def of_risks() -> Iterator[timeseries.Panel]:
    """Yield the panels of risks, by version."""
    sums, counts = (
        f"sum by (model_version) (rate(scoreline_predicted_risk_{part}{{{VERSION}}}[$__rate_interval]))"
        for part in ("sum", "count")
    )
    yield lines(RISK, {"{{model_version}}": f"{sums} / {counts}"})
    yield lines(RATE, {"{{model_version}}": counts})


def of_features() -> Iterator[timeseries.Panel]:
    """Yield the panel of drift."""
    yield lines(DRIFT, {"{{feature}}": f"max by (feature) (scoreline_drift_psi{{{VERSION}}})"}, width=FULL)


def of_sets() -> Iterator[timeseries.Panel]:
    """Yield the panels of conformal sets."""
    singles, doubles = or_none(f"sum({sets('disease|no disease')})"), or_none(f"sum({sets('both')})")
    yield lines(SETS, {"{{conformal}}": share(f"sum by (conformal) ({sets()})", f"sum({sets()})")})
    yield lines(SIZE, {"labels in a set": f"({singles} + 2 * {doubles}) / sum({sets()})"})


def sets(holding: str = ".+") -> str:
    """Return the query of how many patients a second are given sets that match."""
    return f'rate(scoreline_conformal_sets_total{{{VERSION}, conformal=~"{holding}"}}[$__rate_interval])'
