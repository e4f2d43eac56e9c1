"""The release: from a table to a bundle that workers load."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.pipeline import Pipeline

from models.card import CARD_FILE, MODEL_FILE, Card
from models.features import to_matrix
from models.scorer import Scorer
from training.classifier import new_classifier
from training.conformal import calibrate, measure_sets
from training.description import make_card
from training.evaluation import Watch, evaluate, score_unseen
from training.gate import check_parity, check_terms
from training.graph import to_onnx
from training.table import Table


def release(table: Table, folder: Path, watch: Watch = iter) -> Card:
    """Fit the classifier to the table, measure it, and write its bundle to `folder`; return its card.

    The same table and the same versions of the programs give the same bytes. Raises ReleaseRefused if the
    bundle does not say what the classifier says; then what was in `folder` before is still there.
    """
    matrix = to_matrix(table.rows).astype(np.float64)
    classifier = new_classifier(seed=0).fit(matrix, table.outcome)
    model = to_onnx(classifier, matrix.mean(axis=0))
    risks = score_unseen(matrix, table.outcome, watch=watch)
    metrics = evaluate(table.outcome, risks) | measure_sets(matrix, table.outcome, risks[0], watch)
    card = make_card(model, classifier, table, metrics, calibrate(table.outcome, risks))
    publish(model, card, classifier, table, folder)
    return card


def publish(model: bytes, card: Card, classifier: Pipeline, table: Table, folder: Path) -> None:
    """Write the bundle beside `folder`, pass it through the gate, then move it in. Raises ReleaseRefused.

    Each file is replaced whole. The card names the model's hash, so a reader who comes between the two, or after
    a crash there, is told of a broken bundle, and is never given a mixed one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as staging:
        made = Path(staging)
        (made / MODEL_FILE).write_bytes(model)
        (made / CARD_FILE).write_text(card.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
        scorer = Scorer.load(made)
        check_parity(scorer, classifier, table.rows)
        check_terms(scorer, classifier, table.rows)
        for name in (MODEL_FILE, CARD_FILE):
            (made / name).replace(folder / name)
