"""The demo: scores one patient, then the whole table as one job, then a file."""

import random
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from core.ledger.job import Job, State
from core.schema.patient import EXAMPLE, Patient
from core.schema.score import Score
from producer.client import Client, Refused
from producer.copula import Copula
from producer.file import make_blocks
from producer.table import Case

PATIENCE_S = 30
BANDS = (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1)


async def show_demo(
    url: str, key: SecretStr | None, cases: Sequence[Case], rows: int, out: Path, console: Console
) -> None:
    """Score the example patient, all cases, and a file of so many rows, whose scores go to the path `out`.

    Raises ServiceAway, Refused.
    """
    async with Client(url, patience_s=PATIENCE_S, key=key) as client:
        await client.check()
        console.print("[bold]One patient[/]")
        (score,) = await score_patients(client, [Patient.model_validate(EXAMPLE)], console)
        console.print(f"  risk {score.risk:.3f}: {score.prediction} (model {score.model_version})", highlight=False)
        console.print(f"\n[bold]{len(cases)} patients[/] whose angiogram is known, as one job")
        scores = await score_patients(client, [case.patient for case in cases], console)
        console.print(summarize(scores, cases))
        console.print(f"\n[bold]{rows:,} patients[/], drawn to be like these, as a file")
        await score_file(client, cases, rows, out, console)


async def score_patients(client: Client, patients: Sequence[Patient], console: Console) -> list[Score]:
    """Submit the patients as one job, print its states, and return its scores. Raises Refused if it has none."""
    columns = TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("submitting", total=None)
        last_state = ""

        def show(job: Job) -> None:
            nonlocal last_state
            if job.state != last_state:
                last_state = job.state
                progress.update(bar, description=last_state)
                console.print(f"  {describe(job)}", highlight=False)

        job = await client.submit(patients)
        console.print(f"  POST /v1/jobs: accepted as {job.id}", highlight=False)
        show(job)
        job = await client.wait(job, on_read=show)
    if job.scores is None:
        raise Refused(f"the job {job.state}" + (f": {job.error.message}" if job.error else ""))
    return job.scores


async def score_file(client: Client, cases: Sequence[Case], rows: int, out: Path, console: Console) -> None:
    """Upload a CSV, show its progress, and download its scores. Raises Refused if it has none."""
    blocks = make_blocks(Copula(cases), rows, extra=False, rng=random.Random())  # noqa: S311 - not for secrets
    data = b"".join(block for _, block in blocks)
    columns = TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("uploading", total=rows)
        began_s = time.monotonic()
        batch = await client.upload(data)
        console.print(
            f"  POST /v1/batches: {len(data):,} bytes, accepted as {batch.id}", highlight=False, soft_wrap=True
        )
        batch = await client.wait(
            batch, on_read=lambda seen: progress.update(bar, description=seen.state, completed=seen.counts.rows)
        )
        if batch.state is not State.SUCCEEDED:
            raise Refused(f"the batch {batch.state}" + (f": {batch.error.message}" if batch.error else ""))
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("wb") as file:
            size = await client.download(batch.links["results"], file)
    console.print(
        f"  {batch.state}: {batch.counts.scored:,} scored, {batch.counts.rejected:,} rejected in {batch.counts.parts} "
        f"parts, at {batch.rows_per_s or 0:,.0f} rows/s; {time.monotonic() - began_s:.1f} s from upload to download",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"  {out}: {size:,} bytes", highlight=False, soft_wrap=True)


def describe(job: Job) -> str:
    """Return the job's state and, once it has succeeded, how long the service took."""
    if job.state is State.SUCCEEDED and job.finished_at:
        return f"{job.state}, {1000 * (job.finished_at - job.accepted_at).total_seconds():.0f} ms after it was accepted"
    return str(job.state)


def summarize(scores: Sequence[Score], cases: Sequence[Case]) -> Table:
    """Return a table of how many patients are in each band of risk, and how many of them had the disease."""
    table = Table("risk", "patients", "had the disease", title_justify="left")
    for low, high in pairwise(BANDS):
        inside = [
            case.disease
            for score, case in zip(scores, cases, strict=True)
            if low <= score.risk < high or score.risk == high == 1
        ]
        share = f" ({sum(inside) / len(inside):.0%})" if inside else ""
        table.add_row(f"{low:.0%} to {high:.0%}", str(len(inside)), f"{sum(inside)}{share}")
    return table
