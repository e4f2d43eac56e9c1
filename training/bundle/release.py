"""The release: from a table and a study of it to a bundle that workers load."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.pipeline import Pipeline

from core.errors import BrokenBundle
from models.bundle import FILES, read_bundle
from models.card import CARD_FILE, MODEL_FILE, Card
from models.features import to_matrix
from models.load_check import record_probes
from models.probes import PROBES_FILE
from models.scorer import Scorer, open_session
from training.bundle.card import Findings, make_card
from training.bundle.checks import (
    check_behaviour,
    check_choice,
    check_parity,
    check_quality,
    check_repeats,
    check_terms,
)
from training.bundle.graph import to_onnx
from training.bundle.reference import make_reference
from training.classifiers.columns import Levels
from training.classifiers.logistic_regression import new_classifier
from training.data.table import Table
from training.evaluation.conformal import SENSITIVITY, calibrate, find_threshold, measure_sets
from training.evaluation.cross_validation import Watch, evaluate, score_unseen
from training.evaluation.subgroups import measure_groups
from training.study.results import Study


def release(table: Table, study: Study, champion: Card | None, folder: Path, watch: Watch = iter) -> Card:
    """Fit what the study chose to the table, measure it, and write its bundle to `folder`; return its card.

    The same table, study and versions of the programs give the same bytes. Raises ReleaseRefused if the study is of
    another table, if the bundle does not say what the classifier says, or says what it should not, or if it is worse
    than the study or the `champion` has it; then what was in `folder` before is still there.
    """
    levels = check_choice(study, table)
    classifier, model = fit(table, levels)
    check_repeats(model, fit(table, levels)[1])
    findings = measure_model(table, levels, watch)
    check_quality(findings.metrics, study, champion)
    publish(model, make_card(model, classifier, table, findings), classifier, table, folder)
    return read_bundle(folder).card


def fit(table: Table, levels: Levels | None) -> tuple[Pipeline, bytes]:
    """Return the classifier fitted to the whole table, and its ONNX model."""
    matrix = to_matrix(table.rows).astype(np.float64)
    classifier = new_classifier(0, levels).fit(matrix, table.outcome)
    return classifier, to_onnx(classifier, matrix.mean(axis=0))


def measure_model(table: Table, levels: Levels | None, watch: Watch) -> Findings:
    """Return what cross-validation finds of the classifier with these levels."""
    matrix = to_matrix(table.rows).astype(np.float64)
    risks = score_unseen(matrix, table.outcome, levels, watch=watch)
    sets, found = measure_sets(matrix, table.outcome, risks[0], levels, watch)
    groups, gaps = measure_groups(matrix, table.outcome, risks)
    return Findings(
        metrics=evaluate(table.outcome, risks) | sets,
        conformal=calibrate(table.outcome, risks),
        sensitive_threshold=find_threshold(table.outcome, risks, SENSITIVITY),
        found=found,
        subgroups=groups,
        gaps=gaps,
        reference=make_reference(table, risks),
    )


def find_champion(folder: Path) -> Card | None:
    """Return the card of the bundle in `folder`; None if there is none, or a broken one, which is no champion."""
    try:
        return read_bundle(folder).card
    except BrokenBundle:
        return None


def publish(model: bytes, card: Card, classifier: Pipeline, table: Table, folder: Path) -> None:
    """Pass the model through the checks, write the bundle beside `folder`, load it as a worker does, then move it in.

    Each file is replaced whole. The card names the model's hash, so a reader who comes between two of them, or after
    a crash there, is told of a broken bundle, and is never given a mixed one. Raises ReleaseRefused, or BrokenBundle if
    no worker would load it.
    """
    session = open_session(model)
    scorer = Scorer(card, session)
    check_parity(scorer, classifier, table.rows)
    check_terms(scorer, classifier, table.rows)
    check_behaviour(scorer, table.rows)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as staging:
        made = Path(staging)
        (made / MODEL_FILE).write_bytes(model)
        (made / PROBES_FILE).write_text(record_probes(session, card.model_sha256).to_text(), encoding="utf-8")
        (made / CARD_FILE).write_text(card.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
        Scorer.load(made)
        for name in FILES:
            (made / name).replace(folder / name)
