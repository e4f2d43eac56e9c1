"""The scorer: a released bundle, loaded and ready to score."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from contract.errors import BrokenBundle
from contract.score import ScoreRow
from models.card import CARD_FILE, MODEL_FILE, Card
from models.features import FEATURES, MEASURES
from models.runtime import onnxruntime
from models.verdicts import Verdicts, sort_kinds

_DECIMALS = 9

SLICE_ROWS = 1_024
"""Rows that are scored in one go: some 1 ms, 3 where they are explained (measured), for which others wait."""

WARNINGS = tuple(f"extrapolating: {name}" for name in MEASURES)
"""What a score warns of where a measure lies outside the range that the model was trained on."""


class Scorer:
    """Scores patients with the model of one bundle.

    Load one in each process, after the fork: an onnxruntime session does not survive one.
    """

    def __init__(self, card: Card, session: onnxruntime.InferenceSession) -> None:
        self.card = card
        self._session = session
        ranges = card.trained_ranges
        # As exact as the matrix: else 6.2, which is not exact, would lie outside a range that ends there.
        bounds = np.array([ranges[name] for name in MEASURES], dtype=np.float32)
        self._lowest, self._highest = bounds.T[:, :, np.newaxis]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the scorer of the bundle in `folder`.

        Raises BrokenBundle, as `read_bundle` does, or if onnxruntime cannot load the model.
        """
        card, model = read_bundle(folder)
        return cls(card, open_session(model, folder))

    @property
    def version(self) -> str:
        """The version that every score names."""
        return self.card.version

    def risk(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the risk, 0..1, of each row of the (n, d) matrix, as (n,).

        A patient's risk is the same alone and in any company. Raises ValueError if a risk is not a number,
        which no checked patient brings about.
        """
        (risk,) = self._session.run(["risk"], {"patients": matrix})
        if not np.isfinite(risk).all():
            raise ValueError("a risk is not a number")
        # onnxruntime sums in another order for another number of rows, which moves the sixteenth decimal.
        rounded: NDArray[np.float64] = np.round(risk, _DECIMALS)
        return rounded

    def score(
        self, matrix: NDArray[np.float32], *, explain: bool = False, pause: Callable[[], None] | None = None
    ) -> list[ScoreRow]:
        """Return a score for each of the (n, d) matrix's n rows, in their order, explained if asked for.

        `pause` is called between every `SLICE_ROWS` rows. Raises ValueError, as `risk`.
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
            told = enumerate(zip(scores, self._explain(matrix), strict=True))
            return [(*score, warnings.get(place, []), explanation) for place, (score, explanation) in told]
        for place, words in warnings.items():
            scores[place] = (*scores[place], words)
        return scores

    def judge(self, matrix: NDArray[np.float32]) -> Verdicts:
        """Return what `score` says of the (n, d) matrix's n rows, in columns. Raises ValueError, as `risk`."""
        risk, predicted, ruled_out = self._decide(matrix)
        return Verdicts(risk, *sort_kinds(predicted, ruled_out, self._outside(matrix), WARNINGS))

    def _decide(self, matrix: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.integer]]:
        """Return risk, prediction and what is ruled out, each as (n,) and as in a `ScoreRow`."""
        risk = self.risk(matrix)
        return risk, (risk >= self.card.threshold).view(np.int8), self.card.conformal.rule_out(risk)

    def _warn(self, matrix: NDArray[np.float32]) -> dict[int, list[str]]:
        """Return the warnings of each row that has any, by its place."""
        warnings: dict[int, list[str]] = {}
        for measure, place in zip(*(found.tolist() for found in self._outside(matrix).nonzero()), strict=True):
            warnings.setdefault(place, []).append(WARNINGS[measure])
        return warnings

    def _outside(self, matrix: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return where each of `MEASURES` lies outside what the model was trained on, as (measures, n)."""
        # On its side: numpy compares a few long rows four times as fast as many short ones.
        measures = matrix[:, : len(MEASURES)].T.copy()
        outside: NDArray[np.bool_] = measures < self._lowest
        outside |= measures > self._highest
        return outside

    def _explain(self, matrix: NDArray[np.float32]) -> list[tuple[float, list[float], float]]:
        """Return baseline, terms and log-odds of each row."""
        parts = self._session.run(["baseline", "terms", "log_odds"], {"patients": matrix})
        baseline, terms, log_odds = (part.round(_DECIMALS).tolist() for part in parts)
        return [(baseline, *told) for told in zip(terms, log_odds, strict=True)]


def read_bundle(folder: Path) -> tuple[Card, bytes]:
    """Return the card and the model of the bundle in `folder`, which belong together; starts no thread.

    Raises BrokenBundle for a bundle that is missing, half-written, damaged, or made for other features.
    """
    card = read_card(folder)
    model = read_file(folder / MODEL_FILE)
    if hashlib.sha256(model).hexdigest() != card.model_sha256:
        raise BrokenBundle(
            f"{folder} is half-written or damaged: {MODEL_FILE} is not the model that {CARD_FILE} describes. "
            "Run `make train` to make it anew."
        )
    if card.features != FEATURES or card.trained_ranges.keys() != set(MEASURES):
        raise BrokenBundle(
            f"The model in {folder} was trained on other features than this version of Scoreline makes. "
            "Run `make train` to make it anew."
        )
    return card, model


def read_card(folder: Path) -> Card:
    """Return the card of the bundle in `folder`. Raises BrokenBundle if it is missing, or is not a card."""
    try:
        return Card.model_validate_json(read_file(folder / CARD_FILE))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BrokenBundle(
            f"{folder / CARD_FILE} is not a model card: {where}: {first['msg']}. Run `make train` to make it anew."
        ) from None


def read_file(path: Path) -> bytes:
    """Return the bytes of one file of a bundle. Raises BrokenBundle if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BrokenBundle(
            f"{path} cannot be read ({error.strerror}). Run `make train` to make the bundle, or set SCORELINE_BUNDLE."
        ) from error


def open_session(model: bytes, folder: Path) -> onnxruntime.InferenceSession:
    """Return a session of the ONNX `model`, on one thread. Raises BrokenBundle if it is no model."""
    options = onnxruntime.SessionOptions()
    # The worker runs one process per core; threads of a session's own would fight over them.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no base class of their own
        raise BrokenBundle(
            f"{folder / MODEL_FILE} is not a model that onnxruntime can load. Run `make train` to make it anew."
        ) from error
