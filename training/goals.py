"""The goals: what was asked of the model before it was measured."""

from training.markdown import grid
from training.study import Study

GOALS: tuple[tuple[str, str, float, float], ...] = (
    ("ROC AUC at least 0.912", "roc_auc", 0.912, 1),
    ("lower end of its interval at least 0.88", "roc_auc_low", 0.88, 1),
    ("log loss at most 0.373", "log_loss", 0, 0.373),
    ("Brier score at most 0.115", "brier", 0, 0.115),
    ("calibration slope from 0.9 to 1.1", "calibration_slope", 0.9, 1.1),
    ("coverage of the diseased at least 0.88", "coverage_disease", 0.88, 1),
    ("coverage of the healthy at least 0.88", "coverage_no_disease", 0.88, 1),
    ("coverage of women at least 0.88", "coverage_female", 0.88, 1),
    ("coverage of men at least 0.88", "coverage_male", 0.88, 1),
    ("mean size of a set at most 1.20", "mean_set_size", 0, 1.2),
)
"""Each goal in words, the figure that it is about, and between which bounds that must be."""


def tell_goals(study: Study) -> str:
    """Return each goal, what was measured of the chosen model, and whether the goal is met, as a table."""
    chosen = study.results[study.choice.chosen].metrics
    measured = {name: metric.value for name, metric in (chosen | study.sets).items()}
    measured["roc_auc_low"] = chosen["roc_auc"].low
    rows = [
        [goal, f"{measured[name]:.4f}", "met" if low <= measured[name] <= high else "**missed**"]
        for goal, name, low, high in GOALS
    ]
    return grid(["goal", "measured", ""], rows)
