"""The service: `bentoml serve bench.peers.bento.__main__:Scoring`, with BENCH_MODEL set.

It stands in a `__main__` since importing it takes BentoML, which is not installed where Scoreline is.
"""

import os
from typing import Any

import bentoml

from bench.peers import model
from bench.peers.patient import Patient


# One worker: with two, BentoML's store in SQLite answers submits with 500, "database is locked".
@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Scoring:
    """Scores patients with the model in the file that BENCH_MODEL names."""

    def __init__(self) -> None:
        self._pipeline = model.load(os.environ["BENCH_MODEL"])

    @bentoml.task
    def score(self, patient: Patient, /) -> dict[str, Any]:
        """Score one patient; BentoML keeps the score."""
        return model.score(self._pipeline, patient.model_dump())
