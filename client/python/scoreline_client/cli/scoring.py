"""`scoreline score`: patients of the command line, or of JSON, and their scores."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from scoreline_client.cli.display import score_row, show, show_one
from scoreline_client.cli.fields import complete, parse_fields
from scoreline_client.cli.session import Key, Patience, Shown, Url, connect
from scoreline_client.errors import NotScored

ONE_OF_BOTH = "state the fields of a patient, as in age=54 sex=male, or name a file with --json: one of both"

Fields = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME=VALUE...", help="The fields of one patient, as below.", autocompletion=complete),
]
FromJson = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="One patient as JSON, a list of them, or `-` for standard input."),
]
Explain = Annotated[bool, typer.Option("--explain", help="Say how each risk comes about, in log-odds.")]
WithinS = Annotated[float, typer.Option("--wait", help="Seconds to wait for the scores.")]


def score(
    fields: Fields = None,
    from_json: FromJson = None,
    explain: Explain = False,
    wait: WithinS = 60,
    output: Shown = None,
    url: Url = None,
    api_key: Key = None,
    patience: Patience = None,
) -> None:
    """Score a patient, or many.

    One is stated field by field, as in `scoreline score age=54 sex=male ...`; many come with `--json`.
    """
    if bool(fields) == bool(from_json):
        raise typer.BadParameter(f"{ONE_OF_BOTH}.")
    patients = read_patients(from_json) if from_json else parse_fields(fields or [])
    with connect(url, api_key, patience, output) as session:
        if isinstance(patients, Mapping):
            found = session.client.score(patients, wait_s=wait, explain=explain)
            show_one(found.to_dict(), score_row(found), session.output)
            return
        job = session.client.submit(patients, wait_s=wait, explain=explain)
        if not job.scores:
            why = f": {job.error.message}" if job.error else ""
            raise NotScored(f"job {job.id} is {job.state} after {wait:g} s{why}; see {session.call(f'jobs {job.id}')}")
        rows = [score_row(found) for found in job.scores]
        show([found.to_dict() for found in job.scores], rows, list(rows[0]), session.output)


def read_patients(path: Path) -> dict[str, Any] | list[dict[str, Any]]:
    """Return what the file says: one patient, or a list of them, which may stand under `patients`.

    Raises BadParameter.
    """
    try:
        said = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text())
    except ValueError:
        raise typer.BadParameter(f"{path} is not JSON.") from None
    if isinstance(said, dict) and list(said) == ["patients"]:
        said = said["patients"]
    if isinstance(said, dict) or (isinstance(said, list) and said and all(isinstance(each, dict) for each in said)):
        return said
    raise typer.BadParameter(f"{path} holds no patient: it must be one JSON object, or a list of them.")
