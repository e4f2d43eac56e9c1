"""Scores a patient and a file: `python example.py [URL] [FILE]`."""

import sys
from pathlib import Path

from scoreline_client import Client, Progress
from scoreline_client.errors import InvalidPatient


def show(progress: Progress) -> None:
    """Say how far a file is."""
    if progress.batch:
        counts = progress.batch.counts
        print(f"  {progress.batch.state}: {counts.rows} rows, {counts.parts_done} of {counts.parts} parts")


def main(url: str = "http://127.0.0.1:8001", file: str = "patients.csv") -> None:
    """Score the patient of the documentation, one that is none, and the file."""
    patient = {"age": 34, "sex": "female", "cp": "non-anginal", "trestbps": 130, "fbs": "no", "restecg": "st-t"}
    patient |= {"thalach": 148, "exang": "no", "oldpeak": 3.5, "slope": "down", "ca": 0, "thal": "fixed"}
    with Client(url) as client:
        score = client.score(patient)
        print(f"risk {score.risk:.3f}: {score.prediction}, cannot rule out {score.conformal}")

        try:
            client.score(patient | {"trestbps": 13.3})
        except InvalidPatient as error:
            print([f"{fault.field} {fault.message}" for fault in error.errors])

        batch = client.submit_file(Path(file), on_progress=show)
        with Path("scores.csv").open("wb") as out:
            client.results(batch.id, out)
        print(f"{batch.counts.scored} rows scored, in scores.csv; {batch.counts.rejected} rejected")


if __name__ == "__main__":
    main(*sys.argv[1:])
