"""The page of the system: whether all is well, in one look."""

import platform
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Response

from api.pages.site import CurrentPage, PageContext
from api.pages.words import count, duration
from core.errors import LedgerUnavailable
from core.ledger.stats import QueueStats
from core.settings import Settings
from core.transport.queue import BULK, INTERACTIVE, limits_of

PACKAGES = ("fastapi", "starlette", "uvicorn", "pydantic", "celery", "kombu", "redis", "obstore")
SLOW_S = 60  # an interactive job is usually scored in some milliseconds
PROJECT = Path(__file__).parents[2] / "pyproject.toml"

routes = APIRouter(include_in_schema=False)


class Check(NamedTuple):
    """One thing that was looked at: whether it is well, what was found, and what to do if it is not."""

    name: str
    well: bool
    found: str
    advice: str = ""


@routes.get("/system")
def system(context: CurrentPage) -> Response:
    """Show how the ledger of each queue stands, what runs here, and where to see more; 503 while the ledger is away."""
    try:
        surveys = survey(context)
    except LedgerUnavailable as error:
        surveys, checks = {}, [Check("Ledger", False, "Redis does not answer.", str(error))]
    else:
        checks = list(judge(surveys, context.gateway.settings))
    well = all(check.well for check in checks)
    return context.page(
        "system.html",
        200 if surveys else 503,
        well=well,
        checks=checks,
        surveys=surveys,
        versions=read_versions(),
        links=list_links(context),
    )


def survey(context: PageContext) -> dict[str, QueueStats]:
    """Return how the ledger of each queue stands. Raises LedgerUnavailable."""
    found = {INTERACTIVE: context.gateway.ledger.read_stats()}
    if context.files:
        found[BULK] = context.files.bulk.batches.read_stats()
    return found


def judge(surveys: Mapping[str, QueueStats], settings: Settings) -> Iterator[Check]:
    """Yield what can be said of these surveys."""
    yield Check("Ledger", True, "Redis answers.")
    jobs = surveys[INTERACTIVE]
    lately = f"within {duration(settings.ready_for_s)}"
    yield Check(
        "Workers",
        jobs.consumed,
        f"The last canary came home {lately}." if jobs.consumed else f"No canary came home {lately}.",
        "Accepted jobs wait and are not lost. See whether a worker runs and what its log says.",
    )
    oldest_s = max(jobs.oldest_s.values(), default=0)
    yield Check(
        "Oldest job",
        oldest_s < SLOW_S,
        f"{duration(oldest_s)} old." if oldest_s else "No job is open.",
        "Jobs come faster than they are scored: start more workers, or wait for the backlog to drain.",
    )
    limits = limits_of(settings)
    for queue, found in surveys.items():
        unit = "rows of files" if queue == BULK else "patients"
        yield Check(
            f"Backlog of {unit}",
            found.backlog_records < limits[queue],
            f"{count(found.backlog_records)} of {count(limits[queue])} {unit} wait.",
            "It is full, so submits are answered 429 until it drains: start more workers.",
        )
        yield Check(
            f"Quarantine of {'files' if queue == BULK else 'jobs'}",
            not found.dead_letters,
            f"{count(found.dead_letters)} in quarantine.",
            "They took down every worker that had them: see python -m worker quarantine list.",
        )


def read_versions() -> dict[str, str]:
    """Return the versions of what runs here, by name."""
    project = tomllib.loads(PROJECT.read_text())["project"] if PROJECT.exists() else {}
    own = {"Scoreline": str(project["version"])} if project else {}
    return {**own, "Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def list_links(context: PageContext) -> dict[str, str]:
    """Return where to see more, by name."""
    settings = context.gateway.settings
    host = context.request.url.hostname or settings.api_host
    host = f"[{host}]" if ":" in host else host
    found = {"Flower": f"http://{host}:{settings.flower_port}"}
    named = {"Grafana": settings.grafana_url, "MLflow": settings.mlflow_url}
    return found | {name: url for name, url in named.items() if url} | {"API documentation": "/docs"}
