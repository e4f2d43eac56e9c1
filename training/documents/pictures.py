"""The pictures of the exploration: the original's seven, as PNG files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.schema.field import Category
from core.schema.patient import fields_of_patient
from training.data.table import TARGET, Table
from training.documents.exploration import shares_diseased, to_frame

DISEASE = "angiogram"
PALETTE = {"no disease": "#0072B2", "disease": "#E69F00"}
"""Blue and orange, which the colour-blind tell apart. Source: Okabe, Ito, "Color Universal Design" (2008)."""

AGE, CHOLESTEROL, HEART_RATE = "age (years)", "serum cholesterol (mg/dL)", "maximum heart rate (bpm)"


def draw_target(table: Table, axes: Axes) -> None:
    """Draw how many patients have the disease."""
    seaborn.countplot(label(table), x=DISEASE, hue=DISEASE, palette=PALETTE, order=list(PALETTE), ax=axes)
    axes.set(ylabel="patients", title="Target balance")


def draw_sex(table: Table, axes: Axes) -> None:
    """Draw the share of the diseased among women and men."""
    draw_shares(table, "sex", axes)
    axes.set(xlabel="sex", title="Sex by disease")


def draw_correlation(table: Table, axes: Axes) -> None:
    """Draw Spearman's correlation of the measures and the disease."""
    names = {"age": "age", "trestbps": "blood pressure", "chol": "cholesterol", "thalach": "max. heart rate"}
    names |= {"oldpeak": "ST depression", TARGET: "disease"}
    ranks = to_frame(table)[list(names)].rename(columns=names).corr("spearman")
    seaborn.heatmap(ranks, annot=True, fmt=".2f", vmin=-1, vmax=1, cmap="PuOr_r", square=True, ax=axes)
    axes.set(title="Correlation of features (Spearman)")


def draw_cholesterol(table: Table, axes: Axes) -> None:
    """Draw cholesterol over age."""
    draw_by_age(table, "chol", axes)
    axes.set(ylabel=CHOLESTEROL, title="Cholesterol by age")


def draw_heart_rate(table: Table, axes: Axes) -> None:
    """Draw maximum heart rate over age."""
    draw_by_age(table, "thalach", axes)
    axes.set(ylabel=HEART_RATE, title="Maximum heart rate by age")


def draw_chest_pain(table: Table, axes: Axes) -> None:
    """Draw the share of the diseased by kind of chest pain."""
    draw_shares(table, "cp", axes)
    axes.set(xlabel="chest pain", title="Chest pain by disease")


def draw_age(table: Table, axes: Axes) -> None:
    """Draw the ages of the diseased and of the healthy."""
    bins: Any = np.arange(25, 85, 5)
    seaborn.histplot(
        label(table),
        x="age",
        hue=DISEASE,
        palette=PALETTE,
        hue_order=list(PALETTE),
        bins=bins,
        multiple="dodge",
        ax=axes,
    )
    axes.set(xlabel=AGE, ylabel="patients", title="Age by disease")


PICTURES: dict[str, Callable[[Table, Axes], None]] = {
    "target": draw_target,
    "sex": draw_sex,
    "correlation": draw_correlation,
    "cholesterol": draw_cholesterol,
    "heart_rate": draw_heart_rate,
    "chest_pain": draw_chest_pain,
    "age": draw_age,
}
"""Every picture, by the name of its file."""


def draw(table: Table, folder: Path, names: tuple[str, ...] = tuple(PICTURES)) -> list[Path]:
    """Draw these pictures into `folder`; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in names:
        with matplotlib.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
            # A figure of its own, without pyplot: no window, and nothing that stays open.
            figure = Figure(figsize=(6, 4.5), layout="constrained")
            PICTURES[name](table, figure.subplots())
            paths.append(folder / f"{name}.png")
            figure.savefig(paths[-1], dpi=110, metadata={"Software": None})
    return paths


def label(table: Table) -> pd.DataFrame:
    """Return the patients with a column that says in words what the angiogram showed."""
    frame = to_frame(table)
    return frame.assign(**{DISEASE: np.where(frame[TARGET] == 1, "disease", "no disease")})


def draw_by_age(table: Table, name: str, axes: Axes) -> None:
    """Draw a measure over age, with a line of least squares for the diseased and one for the healthy."""
    frame = label(table)
    seaborn.scatterplot(
        frame, x="age", y=name, hue=DISEASE, style=DISEASE, palette=PALETTE, hue_order=list(PALETTE), s=22, ax=axes
    )
    for found, colour in PALETTE.items():
        own = frame[frame[DISEASE] == found]
        ends = np.array([own["age"].min(), own["age"].max()])
        slope, start = np.polyfit(own["age"], own[name], 1)
        axes.plot(ends, start + slope * ends, color=colour)
    axes.set(xlabel=AGE)


def draw_shares(table: Table, name: str, axes: Axes) -> None:
    """Draw the share of the diseased in each group of a category, with its interval and its size."""
    field = fields_of_patient()[name]
    assert isinstance(field, Category)  # noqa: S101 - the callers name categories
    shares = shares_diseased(table, name)
    values = np.array([share.value for share in shares.values()])
    ends = np.array([[share.value - share.low, share.high - share.value] for share in shares.values()]).T
    words = [f"{group}\n(n = {share.n})" for group, share in shares.items()]
    axes.bar(words, values, yerr=ends, color=PALETTE["disease"], capsize=4)
    axes.set(ylabel="share with the disease, 95 % interval", ylim=(0, 1))
