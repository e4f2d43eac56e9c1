"""The page of the system: the state of its parts, and what to do if something is wrong."""

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
    """One check of the system: whether it is ok, the finding, and advice if it is not."""

    name: str
    ok: bool
    finding: str
    advice: str = ""


@routes.get("/system")
def show_system(context: CurrentPage) -> Response:
    """Show the queues, the versions and links to other tools; 503 while the ledger is unavailable."""
    try:
        stats = read_stats(context)
    except LedgerUnavailable as error:
        stats, checks = {}, [Check("Ledger", False, "Redis does not answer.", str(error))]
    else:
        checks = list(check_system(stats, context.gateway.settings))
    ok = all(check.ok for check in checks)
    return context.render_page(
        "system.html",
        200 if stats else 503,
        ok=ok,
        checks=checks,
        stats=stats,
        versions=read_versions(),
        links=list_links(context),
    )


def read_stats(context: PageContext) -> dict[str, QueueStats]:
    """Return the statistics of each queue. Raises LedgerUnavailable."""
    stats = {INTERACTIVE: context.gateway.ledger.read_stats()}
    if context.files:
        stats[BULK] = context.files.bulk.batches.read_stats()
    return stats


def check_system(stats: Mapping[str, QueueStats], settings: Settings) -> Iterator[Check]:
    """Yield the checks of these statistics."""
    yield Check("Ledger", True, "Redis answers.")
    jobs = stats[INTERACTIVE]
    lately = f"within {duration(settings.ready_for_s)}"
    yield Check(
        "Workers",
        jobs.consumed,
        f"A probe job was scored {lately}." if jobs.consumed else f"No probe job was scored {lately}.",
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
    for queue, queue_stats in stats.items():
        unit = "rows of files" if queue == BULK else "patients"
        yield Check(
            f"Backlog of {unit}",
            queue_stats.backlog_records < limits[queue],
            f"{count(queue_stats.backlog_records)} of {count(limits[queue])} {unit} wait.",
            "It is full, so submits are answered 429 until it drains: start more workers.",
        )
        yield Check(
            f"Dead-letter queue of {'files' if queue == BULK else 'jobs'}",
            not queue_stats.dead_letters,
            f"{count(queue_stats.dead_letters)} in it.",
            "They took down every worker that had them: see python -m worker quarantine list.",
        )


def read_versions() -> dict[str, str]:
    """Return the versions of Scoreline, Python and the main packages, by name."""
    project = tomllib.loads(PROJECT.read_text())["project"] if PROJECT.exists() else {}
    own = {"Scoreline": str(project["version"])} if project else {}
    return {**own, "Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def list_links(context: PageContext) -> dict[str, str]:
    """Return the URLs of Flower, Grafana, MLflow and the API documentation, by name."""
    settings = context.gateway.settings
    host = context.request.url.hostname or settings.api_host
    host = f"[{host}]" if ":" in host else host
    links = {"Flower": f"http://{host}:{settings.flower_port}"}
    named = {"Grafana": settings.grafana_url, "MLflow": settings.mlflow_url}
    return links | {name: url for name, url in named.items() if url} | {"API documentation": "/docs"}
