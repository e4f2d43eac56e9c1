"""The load check: which inputs and outputs a model must have before it scores, first tried in a process of its own."""

import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import BrokenBundle
from core.schema.patient import COLUMNS
from models.bundle import ANEW
from models.card import MODEL_FILE
from models.features import FEATURES, to_matrix
from models.probes import PROBES_FILE, TOLERANCE, Probes, make_probes, make_records

INPUT = "patients"
"""The name of the model's one input, float32 (n, d), with d as in `models.features.FEATURES`."""

Outputs = Mapping[str, NDArray[np.float64]]
"""The outputs of a model for n records, by name; each has the shape that `shapes_of` returns for n."""

PROCESSOR_S, TRIED_WITHIN_S = 10, 60
"""Seconds of CPU time, and of elapsed time, in which a bundle must be loaded.

The released one takes half a second of either; on a busy machine, many times that of elapsed time only.
"""

PROMPT = "error: "
"""The prefix of the reason that `python -m models check` gives for a refusal, on a line of its own on stderr."""

ENDED_BY = {
    "SIGXCPU": f"Loading the model took more than {PROCESSOR_S} s of a processor",
    "SIGALRM": f"Loading the model did not end within {TRIED_WITHIN_S} s",
}
"""Why a trial was ended, by the signal that ended it."""


class Session(Protocol):
    """A loaded model, such as an `onnxruntime.InferenceSession`."""

    def get_inputs(self) -> Sequence[Any]:
        """Return the declared inputs, each with `name`, `type` and `shape`."""

    def get_outputs(self) -> Sequence[Any]:
        """Return the declared outputs, each with `name`, `type` and `shape`."""

    def run(self, names: Sequence[str], given: Mapping[str, NDArray[np.float32]]) -> Sequence[Any]:
        """Return the named outputs for inputs given by name."""


def shapes_of(rows: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each output, all of them float64, for so many rows."""
    return {"risk": (rows,), "baseline": (), "terms": (rows, len(COLUMNS)), "log_odds": (rows,)}


OUTPUTS = tuple(shapes_of(0))
"""The names of the outputs."""


def record_probes(session: Session, model_sha256: str) -> Probes:
    """Return probes with this model's present outputs. Raises BrokenBundle if it would not pass the check with them."""
    check_signature(session)
    records = make_records()
    probes = make_probes(model_sha256, records, run_model(session, to_matrix(records)))
    check_session(session, probes)
    return probes


def check_session(session: Session, probes: Probes) -> None:
    """Raise BrokenBundle unless the model gives the outputs of the probes, for all together and for one alone."""
    check_signature(session)
    matrix, expected = to_matrix(probes.records), read_outputs(probes)
    check_outputs(run_model(session, matrix), expected)
    check_outputs(
        run_model(session, matrix[:1]),
        {name: output[:1] if output.ndim else output for name, output in expected.items()},
    )


def check_signature(session: Session) -> None:
    """Raise BrokenBundle unless the model declares the one expected input, and every output."""
    if [(declared.name, declared.type, declared.shape[1:]) for declared in session.get_inputs()] != [
        (INPUT, "tensor(float)", [len(FEATURES)])
    ]:
        raise BrokenBundle(
            f"{MODEL_FILE} must have one input, `{INPUT}`, of float32 and {len(FEATURES)} columns, one for each "
            f"feature. {ANEW}"
        )
    if missing := set(OUTPUTS) - {declared.name for declared in session.get_outputs()}:
        raise BrokenBundle(f"{MODEL_FILE} has no output `{'`, `'.join(sorted(missing))}`. {ANEW}")


def read_outputs(probes: Probes) -> Outputs:
    """Return the outputs in the probes. Raises BrokenBundle if one is missing or has another shape."""
    try:
        outputs = {name: np.array(output, np.float64) for name, output in probes.outputs.items()}
    except ValueError:  # a ragged list is no array
        outputs = {}
    if {name: output.shape for name, output in outputs.items()} != shapes_of(len(probes.records)):
        raise BrokenBundle(f"{PROBES_FILE} does not have every output of each of its records. {ANEW}")
    return outputs


def run_model(session: Session, matrix: NDArray[np.float32]) -> dict[str, Any]:
    """Return the model's outputs for the (n, d) matrix, by name. Raises BrokenBundle if it fails."""
    try:
        return dict(zip(OUTPUTS, session.run(OUTPUTS, {INPUT: matrix}), strict=True))
    except Exception as error:  # onnxruntime's errors have no base class of their own
        raise BrokenBundle(f"{MODEL_FILE} cannot score {len(matrix)} records. {ANEW}") from error


def check_outputs(outputs: Mapping[str, Any], expected: Outputs) -> None:
    """Raise BrokenBundle unless each output has the expected dtype, shape and, to within `TOLERANCE`, values."""
    for name, right in expected.items():
        output = outputs[name]
        if not fits(output, right.shape):
            raise BrokenBundle(
                f"Of {len(right) if right.ndim else 'any'} records, the output `{name}` of {MODEL_FILE} must be "
                f"float64 of the shape {right.shape}, and is {describe(output)}. {ANEW}"
            )
        if not np.isfinite(output).all() or (name == "risk" and not is_probability(output)):
            raise BrokenBundle(
                f"The output `{name}` of {MODEL_FILE} is not always {'from 0 to 1' if name == 'risk' else 'a number'}. "
                f"{ANEW}"
            )
        if not np.allclose(output, right, rtol=TOLERANCE, atol=TOLERANCE):
            raise BrokenBundle(
                f"The output `{name}` of {MODEL_FILE} is up to {np.abs(output - right).max():.1e} from what "
                f"{PROBES_FILE} has, which must be the same to within {TOLERANCE:.0e}: the model is not the one that "
                f"the probes were made with. {ANEW}"
            )


def fits(output: Any, shape: tuple[int, ...]) -> bool:
    """Whether an output is a float64 array of this shape."""
    return isinstance(output, np.ndarray) and output.dtype == np.float64 and output.shape == shape


def is_probability(risk: NDArray[np.float64]) -> bool:
    """Whether each risk is a number from 0 to 1."""
    # NaN compares false with anything, and numpy returns it as minimum and maximum of any array that holds it.
    return not risk.size or bool(risk.min() >= 0 and risk.max() <= 1)


def describe(output: Any) -> str:
    """Return the dtype and shape of an output, in words."""
    return f"{output.dtype} of {output.shape}" if isinstance(output, np.ndarray) else "no tensor"


class Trial:
    """Runs `python -m models check` on the bundle in a folder; the process ends by itself, within a bounded time.

    Raises BrokenBundle if no process can be started.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, without a shell
                [sys.executable, "-m", "models", "check", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise BrokenBundle(
                f"The bundle cannot be tried ({error.strerror}): see what this machine lacks, then put it there again."
            ) from error

    def passed(self, within_s: float | None = None) -> bool:
        """Return True once the bundle was loaded, False if that takes longer than `within_s` seconds (None: no limit).

        Raises BrokenBundle, with the reason, if it cannot be loaded.
        """
        try:
            status = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        _, output = self._process.communicate()
        if status > 0:
            _, prompt, reason = output.rpartition(PROMPT)
            raise BrokenBundle(reason.strip() if prompt else f"Loading the model failed. {ANEW}")
        if status < 0:
            name = signal.Signals(-status).name
            raise BrokenBundle(f"{ENDED_BY.get(name, f'Loading the model ended whoever tried it ({name})')}. {ANEW}")
        return True

    @staticmethod
    def limit_own_time() -> None:
        """Limit the time of this process, which is about to try a bundle; a signal ends it after that."""
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S + 1))  # the second one sends SIGKILL
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core dump may fill the disk
        signal.alarm(TRIED_WITHIN_S)

    def abandon(self) -> None:
        """End the trial, whose result is no longer wanted."""
        self._process.kill()
        self._process.communicate()
