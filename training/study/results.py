"""The study: all candidates measured, one chosen by the rule, and what is known of that one, in one JSON file."""

import platform
from pathlib import Path
from typing import Self

import numpy as np
import onnx
import sklearn
from pydantic import BaseModel, ValidationError

from core.errors import OperatorError
from models.card import Metric, Subgroup
from models.features import to_matrix
from training.classifiers.candidates import KIND_OF, LEVELS, TITLES
from training.classifiers.logistic_regression import PENALTIES, TUNING_FOLDS
from training.classifiers.tuning import TRIALS
from training.data.table import Table
from training.evaluation.calibration_error import CalibrationError, measure_calibration_error
from training.evaluation.conformal import measure_sets
from training.evaluation.cross_validation import FOLDS, REPEATS, RESAMPLES, evaluate
from training.evaluation.mitigation import Mitigation, try_mitigations
from training.evaluation.subgroups import measure_groups
from training.metrics import METRICS, SUREST
from training.study.comparison import Choice, Difference, choose, compare
from training.study.original import Published, repeat_split
from training.study.risks import Risks, Show, score_candidates

STUDY = Path(__file__).parents[1] / "study.json"

PROTOCOL = (
    f"Nested cross-validation: {REPEATS} repeats of {FOLDS} stratified folds, the same for every candidate, with fixed "
    f"seeds. Each candidate is tuned by log loss over {TUNING_FOLDS} folds of the other nine tenths: the logistic "
    f"regressions over {len(PENALTIES)} penalties, SVM, forest and boosting over {TRIALS} trials of Optuna; the "
    "original has its published parameters. So no patient is scored by a model that was fitted or tuned on them. A "
    "value is the mean, over the repeats, of the metric of all patients together. An "
    f"interval is the middle 95 % of {RESAMPLES} bootstrap samples of patients; it leaves out what another fit to "
    f"other patients would add. No risk is nearer to 0 or 1 than {SUREST}."
)

OF_CONSTANT = ("accuracy", "roc_auc", "auprc", "log_loss", "brier")
"""The metrics that one risk for everyone has: it calls nobody diseased, and has no slope."""


class BadStudy(OperatorError):
    """The study's results cannot be used: run `python -m training study` to make them anew."""

    code = "bad-study"


class Result(BaseModel):
    """What was measured of one candidate."""

    title: str
    kind: str
    metrics: dict[str, Metric]
    calibration_error: CalibrationError


class Study(BaseModel):
    """Everything that the study found; `docs/study.md` is made of it."""

    table_sha256: str
    patients: int
    diseased: int
    protocol: str
    versions: dict[str, str]
    seconds: float
    results: dict[str, Result]
    choice: Choice
    differences: dict[str, Difference]
    original: dict[str, Published]
    subgroups: dict[str, Subgroup]
    gaps: dict[str, dict[str, Metric]]
    mitigations: dict[str, Mitigation]
    sets: dict[str, Metric]

    @classmethod
    def read(cls, path: Path = STUDY) -> Self:
        """Return the study in the JSON file at `path`. Raises BadStudy if it is missing, cut off or out of date."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise BadStudy(
                f"{path} does not hold the study's results; `python -m training study` makes them anew."
            ) from error

    def write(self, path: Path = STUDY) -> None:
        """Write the study to `path` as JSON."""
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


def sum_up(table: Table, risks: Risks, original: dict[str, Published], seconds: float) -> Study:
    """Return the study that the candidates' unseen risks and the original's splits give; nothing is fitted but the
    chosen model, for its subgroups, its sets and the mitigations."""
    matrix, outcome = to_matrix(table.rows).astype(np.float64), table.outcome
    choice = choose(outcome, risks)
    own, levels = risks[choice.chosen], LEVELS.get(choice.chosen)
    groups, gaps = measure_groups(matrix, outcome, own)
    return Study(
        table_sha256=table.sha256,
        patients=len(outcome),
        diseased=int(outcome.sum()),
        protocol=PROTOCOL,
        versions=name_versions(),
        seconds=round(seconds),
        results={name: measure_candidate(name, table, risks) for name in risks},
        choice=choice,
        differences=compare(outcome, risks, choice.chosen),
        original=original,
        subgroups=groups,
        gaps=gaps,
        mitigations=try_mitigations(matrix, outcome, levels, own),
        sets=measure_sets(matrix, outcome, own[0], levels)[0],
    )


def measure_candidate(name: str, table: Table, risks: Risks) -> Result:
    """Return what is measured of one candidate's unseen risks."""
    metrics = METRICS if name != "dummy" else {metric: METRICS[metric] for metric in OF_CONSTANT}
    return Result(
        title=TITLES[name],
        kind=KIND_OF[name],
        metrics=evaluate(table.outcome, risks[name], metrics),
        calibration_error=measure_calibration_error(table.outcome, risks[name]),
    )


def cross_all(table: Table, show: Show, jobs: int | None = None) -> tuple[Risks, dict[str, Published]]:
    """Return the unseen risks of every candidate, and the original's splits: what takes the study's time."""
    matrix = to_matrix(table.rows).astype(np.float64)
    risks = score_candidates(matrix, table.outcome, jobs=jobs, show=show)
    return risks, repeat_split(matrix, table.outcome, jobs=jobs, show=show)


def name_versions() -> dict[str, str]:
    """Return the versions of what made the bundle; of Python without the patch, which the lock leaves open."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "onnx": onnx.__version__,
    }
