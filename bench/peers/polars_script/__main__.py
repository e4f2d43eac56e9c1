"""The best single script: reads a file, scores it and writes it, on all cores, with Polars and onnxruntime.

`python -m bench.peers.polars_script IN OUT MODEL THREADS`. It checks nothing, keeps no byte as it was sent, and starts
anew if it is killed.
"""

import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
from numpy.typing import NDArray

from bench.peers.codes import CODES, MEASURES

BATCH_ROWS = 65_536
THRESHOLD, VERSION = 0.5, "1.0.0"


def to_matrix(frame: pl.DataFrame) -> NDArray[np.float32]:
    """Return the (n, 27) matrix that the model reads."""
    matrix = np.empty((len(frame), len(MEASURES) + sum(map(len, CODES.values()))), np.float32)
    for place, name in enumerate(MEASURES):
        matrix[:, place] = frame[name].to_numpy()
    place = len(MEASURES)
    for name, codes in CODES.items():
        column = frame[name].to_numpy()  # NaN where missing, which equals no code
        for code in codes:
            np.equal(column, code, out=matrix[:, place], casting="unsafe")
            place += 1
    return matrix


def score(session: onnxruntime.InferenceSession, frame: pl.DataFrame) -> bytes:
    """Return the rows of the batch as CSV, with the columns of the score."""
    (risk,) = session.run(["risk"], {"patients": to_matrix(frame)})
    scored = frame.with_columns(
        risk=pl.Series(risk).round(9),
        prediction=pl.Series(risk >= THRESHOLD).replace_strict({True: "disease", False: "no disease"}),
        model_version=pl.lit(VERSION),
    )
    return scored.write_csv(include_header=False).encode()


def batches(path: Path) -> Iterator[pl.DataFrame]:
    """Yield the file in batches, read as it is needed."""
    yield from pl.scan_csv(path, schema_overrides={"id": pl.String}).collect_batches(chunk_size=BATCH_ROWS)


def main(source: Path, target: Path, model: Path, threads: int) -> None:
    """Score the file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the batches are what runs at once
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    with source.open() as file:
        header = file.readline().rstrip()
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(threads) as pool, target.open("wb") as out:
        out.write(f"{header},risk,prediction,model_version\n".encode())
        for frame in batches(source):
            waiting.append(pool.submit(score, session, frame))
            if len(waiting) > 2 * threads:
                out.write(waiting.popleft().result())
        for rows in waiting:
            out.write(rows.result())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int(sys.argv[4]))
