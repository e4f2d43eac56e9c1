"""The scorer: a loaded bundle, which scores records and returns the scores as rows or as columns."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import BadScore, BrokenBundle
from core.schema.score import ScoreRow
from models.bundle import ANEW, Bundle, read_bundle, read_model
from models.card import MODEL_FILE, Card
from models.features import MEASURES
from models.load_check import INPUT, check_session, fits, is_probability, record_probes, shapes_of
from models.probes import PROBES_FILE
from models.runtime import onnxruntime

Kind = tuple[int, int, tuple[str, ...]]
"""A score without its risk, as in `core.schema.score.ScoreRow`: prediction, conformal set, warnings."""

_DECIMALS = 9

SLICE_ROWS = 1_024
"""Rows that are scored at once: some 1 ms, or 3 ms if they are explained (measured), for which other work waits."""

EXPLANATION = ("baseline", "terms", "log_odds")
"""The outputs that explain a risk."""

WARNINGS = tuple(f"extrapolating: {name}" for name in MEASURES)
"""The warning for each measure, given if it is outside the range that the model was trained on."""


class Predictions(NamedTuple):
    """Predictions for n records: `risk` float64 (n,), and `kind` intp (n,), the index of the rest in `kinds`."""

    risk: NDArray[np.float64]
    kind: NDArray[np.intp]
    kinds: list[Kind]


def sort_kinds(
    predicted: NDArray[np.integer],
    ruled_out: NDArray[np.integer],
    outside: NDArray[np.bool_],
    warnings: tuple[str, ...],
) -> tuple[NDArray[np.intp], list[Kind]]:
    """Return the index of each record's kind, as intp (n,), in the list of kinds that occur, and that list.

    `predicted` and `ruled_out` are (n,), as in a `ScoreRow`; `outside` is bool (w, n), whether each of the w `warnings`
    applies.
    """
    number = predicted + 2 * ruled_out.astype(np.intp)
    for bit, due in enumerate(outside, start=3):
        number += due.astype(np.intp) << bit
    occurring = np.flatnonzero(np.bincount(number))
    places = np.zeros(occurring.max(initial=0) + 1, np.intp)
    places[occurring] = np.arange(len(occurring))
    kinds = [
        (kind & 1, kind >> 1 & 3, tuple(word for bit, word in enumerate(warnings, start=3) if kind >> bit & 1))
        for kind in occurring.tolist()
    ]
    return places[number], kinds


class Scorer:
    """Scores records with the model of one bundle.

    Load one in each process, after the fork: an onnxruntime session does not survive one.
    """

    def __init__(self, card: Card, session: onnxruntime.InferenceSession) -> None:
        self.card = card
        self._session = session
        ranges = card.trained_ranges
        # In the matrix's precision: else 6.2, which is not exact, would be outside a range that ends there.
        bounds = np.array([ranges[name] for name in MEASURES], dtype=np.float32)
        self._lowest, self._highest = bounds.T[:, :, np.newaxis]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the scorer of the bundle in `folder`. Raises BrokenBundle, as `read_bundle` and `of` do."""
        return cls.of(read_bundle(folder))

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Return the scorer of a bundle. Raises BrokenBundle if its model fails the load check."""
        session = open_session(bundle.model)
        check_session(session, bundle.probes)
        return cls(bundle.card, session)

    @property
    def version(self) -> str:
        """The version that every score names."""
        return self.card.version

    def risk(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the risk, 0..1, of each row of the (n, d) matrix, as (n,).

        A record's risk does not depend on the other rows. Raises BadScore unless each risk is a number from 0 to 1,
        which never happens for checked records.
        """
        (risk,) = self._session.run(["risk"], {INPUT: matrix})
        if not (fits(risk, (len(matrix),)) and is_probability(risk)):
            raise BadScore
        # onnxruntime sums in another order for another number of rows, which changes the sixteenth decimal.
        rounded: NDArray[np.float64] = np.round(risk, _DECIMALS)
        return rounded

    def score(
        self, matrix: NDArray[np.float32], *, explain: bool = False, pause: Callable[[], None] | None = None
    ) -> list[ScoreRow]:
        """Return a score for each of the (n, d) matrix's n rows, in their order, explained if `explain`.

        `pause` is called after every `SLICE_ROWS` rows but the last. Raises BadScore, as `risk` does.
        """
        scores = self._score(matrix[:SLICE_ROWS], explain=explain)
        for start in range(SLICE_ROWS, len(matrix), SLICE_ROWS):
            if pause:
                pause()
            scores += self._score(matrix[start : start + SLICE_ROWS], explain=explain)
        return scores

    def _score(self, matrix: NDArray[np.float32], *, explain: bool) -> list[ScoreRow]:
        risk, predicted, ruled_out = self._decide(matrix)
        scores: list[ScoreRow] = list(zip(risk.tolist(), predicted.tolist(), ruled_out.tolist(), strict=True))
        warnings = self._warn(matrix)
        if explain:
            explained = enumerate(zip(scores, self._explain(matrix), strict=True))
            return [(*score, warnings.get(place, []), explanation) for place, (score, explanation) in explained]
        for place, texts in warnings.items():
            scores[place] = (*scores[place], texts)
        return scores

    def predict(self, matrix: NDArray[np.float32]) -> Predictions:
        """Return what `score` returns for the (n, d) matrix's n rows, in columns. Raises BadScore, as `risk` does."""
        risk, predicted, ruled_out = self._decide(matrix)
        return Predictions(risk, *sort_kinds(predicted, ruled_out, self._outside(matrix), WARNINGS))

    def _decide(self, matrix: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.integer]]:
        """Return risk, prediction and conformal set, each as (n,) and as in a `ScoreRow`."""
        risk = self.risk(matrix)
        return risk, (risk >= self.card.threshold).view(np.int8), self.card.conformal.rule_out(risk)

    def _warn(self, matrix: NDArray[np.float32]) -> dict[int, list[str]]:
        """Return the warnings of each row that has any, by its index."""
        warnings: dict[int, list[str]] = {}
        for measure, place in zip(*(found.tolist() for found in self._outside(matrix).nonzero()), strict=True):
            warnings.setdefault(place, []).append(WARNINGS[measure])
        return warnings

    def _outside(self, matrix: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return whether each of `MEASURES` is outside the trained range, as bool (measures, n)."""
        # Transposed, since numpy compares a few long rows four times as fast as many short ones.
        measures = matrix[:, : len(MEASURES)].T.copy()
        outside: NDArray[np.bool_] = measures < self._lowest
        outside |= measures > self._highest
        return outside

    def _explain(self, matrix: NDArray[np.float32]) -> list[tuple[float, list[float], float]]:
        """Return baseline, terms and log-odds of each row. Raises BadScore unless all of them are finite."""
        parts = self._session.run(EXPLANATION, {INPUT: matrix})
        shapes = shapes_of(len(matrix))
        if not all(
            fits(part, shapes[name]) and np.isfinite(part).all() for name, part in zip(EXPLANATION, parts, strict=True)
        ):
            raise BadScore
        baseline, terms, log_odds = (part.round(_DECIMALS).tolist() for part in parts)
        return [(baseline, *row) for row in zip(terms, log_odds, strict=True)]


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """Return a session of the ONNX `model`, on one thread. Raises BrokenBundle if it cannot be loaded."""
    options = onnxruntime.SessionOptions()
    # The worker runs one process per core; more threads per session would compete for the cores.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no base class of their own
        raise BrokenBundle(f"{MODEL_FILE} is not a model that onnxruntime can load. {ANEW}") from error


def write_probes(folder: Path) -> Card:
    """Write probes of the bundle in `folder`, from its model's outputs now; return its card. Raises BrokenBundle."""
    card, model = read_model(folder)
    probes = record_probes(open_session(model), card.model_sha256)
    made = folder / f".{PROBES_FILE}"
    made.write_text(probes.to_text(), encoding="utf-8")
    made.replace(folder / PROBES_FILE)
    return card
