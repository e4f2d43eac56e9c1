"""What waits, and those who score it."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import units

from core.settings import Settings
from core.transport.queue import BULK, INTERACTIVE
from monitoring.grafana.board import begin_board, choose
from monitoring.grafana.panel import FULL, GREEN, RED, YELLOW, Asked, lines, number, or_none, quantiles

FULL_AT = {
    INTERACTIVE: int(Settings.model_fields["backlog_limit"].default),
    BULK: int(Settings.model_fields["bulk_backlog_limit"].default),
}
READY_FOR_S = float(Settings.model_fields["ready_for_s"].default)
JOB_HOLDS = int(Settings.model_fields["patients_limit"].default)
WAIT_LIMIT_S = float(Settings.model_fields["wait_limit_s"].default)
TASK_LIMIT_S = float(Settings.model_fields["task_limit_s"].default)

SCORED = Asked(
    "Patients are scored",
    "Are workers really scoring? A canary job of our own goes through the queue every few seconds.",
    units.BoolYesNo,
    [(1, GREEN)],
    f"Red for no: nothing came back for {READY_FOR_S:g} s, and /health/ready answers 503. See the workers' log.",
    first=RED,
)
WORKERS = Asked(
    "Celery workers",
    "Does a worker listen to each queue, as Celery itself says?",
    units.NoUnit,
    [(1, GREEN)],
    "Red below 1: what waits in that queue is kept, and scored when a worker is back.",
    first=RED,
)
QUARANTINED = Asked(
    "In quarantine",
    "How many jobs were in the hands of too many workers that died?",
    units.NoUnit,
    [(1, YELLOW)],
    "Yellow from 1: each wants to be looked at, then replayed or dropped (`python -m worker quarantine list`).",
)
FAILED = Asked(
    "Failed jobs",
    "How many jobs could the model not score, over the time shown?",
    units.NoUnit,
    [(1, RED)],
    "Red from 1: a patient was checked when accepted, so that a failure is a defect of ours.",
)
AGE = Asked(
    "Age of the oldest open job",
    "For how long has the one waited that has waited longest, queued or running?",
    units.Seconds,
    [(READY_FOR_S, YELLOW), (WAIT_LIMIT_S, RED)],
    f"Yellow from {READY_FOR_S:g} s: a job that waits is scored within milliseconds, so that these workers do not keep "
    f"up or were killed. Red from {WAIT_LIMIT_S:g} s: whoever waits with `Prefer: wait` has been told to come back. "
    "A large file (queue bulk) takes longer in good health.",
)
WAIT = Asked(
    "From submit to score",
    "How many seconds go by until a score is committed? A file's parts count from its upload, under bulk.",
    units.Seconds,
    [(1, YELLOW), (READY_FOR_S, RED)],
    "Yellow from 1 s: longer than a few clients at once wait on a machine that has time to spare "
    "(bench/RESULTS.md has what was measured). "
    f"Red from {READY_FOR_S:g} s, where a service whose canary takes so long is not ready. A file takes longer "
    "in good health.",
)
ROWS = Asked(
    "Patients in one call of the model",
    "How well are patients gathered? Batches grow by themselves under load; a patient who comes alone is one, as is a "
    "canary.",
    units.Short,
    [(JOB_HOLDS, YELLOW)],
    f"Yellow from {JOB_HOLDS:,}, the most that one job may hold: whoever comes next feels how long such a call takes.",
)
PACE = Asked(
    "Patients scored",
    "How many patients a second are scored, and how many rows of files refused?",
    units.CountsPerSecond,
    [(35_000, YELLOW)],
    "Yellow from 35,000 a second: near the most that two processes were seen to score; more processes or machines "
    "take more. bench/RESULTS.md has what was measured.",
)
RESENT = Asked(
    "Sent again",
    "How many jobs, or parts of files, did the queue or a worker lose, so that the sweep had to send them again?",
    units.NoUnit,
    [(1, YELLOW), (100, RED)],
    "Yellow from 1: in good health none is; some are when a worker is killed. Red from 100: workers die again and "
    "again, or Redis loses messages.",
)
TASKS = Asked(
    "Celery tasks",
    "What became of Celery's tasks? One is a worker's turn at the ledger, which holds many jobs or none.",
    units.OpsPerSecond,
    [(100, YELLOW)],
    "Yellow from 100 a second: under load a turn lasts a tenth of a second, which makes some 10 a second for each "
    "process; so many mean that turns find nothing and messages are hung in vain.",
)
RUNTIME = Asked(
    "Seconds of a Celery task",
    "How long does a worker's turn last? That of a part of a file is all its scoring.",
    units.Seconds,
    [(TASK_LIMIT_S / 2, YELLOW), (TASK_LIMIT_S, RED)],
    f"Red from {TASK_LIMIT_S:g} s, where a task of the interactive queue is killed, and yellow from half of it. "
    "A part of a file may take longer.",
)


QUEUE = 'queue=~"$queue"'


def make_workers() -> Dashboard:
    """Return the dashboard."""
    board = begin_board("Queue and workers", "Is what waits scored, and soon?")
    board.with_variable(choose("queue", "scoreline_backlog_patients", "Queues that are shown: of jobs, or of files."))
    for panel in (*now(), *over_time(), *celerys_own()):
        board.with_panel(panel)
    return board


def now() -> Iterator[stat.Panel]:
    """Yield the panels of what holds now."""
    yield number(SCORED, f'max(scoreline_consumed_lately{{queue="{INTERACTIVE}"}})')
    yield number(WORKERS, 'max by (queue_name) (celery_active_worker_count{queue_name=~"$queue"})', "{{queue_name}}")
    yield number(QUARANTINED, f"max by (queue) (scoreline_quarantined_jobs{{{QUEUE}}})", "{{queue}}")
    yield number(FAILED, or_none("sum(increase(scoreline_failed_jobs_total[$__range]))"))


def over_time() -> Iterator[timeseries.Panel]:
    """Yield the panels of our own metrics."""
    ages = f"max by (queue, state) (scoreline_oldest_open_job_age_seconds{{{QUEUE}}})"
    waits = f"sum by (le, job) ({rate('scoreline_queue_to_commit_seconds_bucket')})"
    paces = {
        "scored by {{job}}": f"sum by (job) ({rate('scoreline_scored_rows_total')})",
        "refused by {{job}}": f"sum by (job) ({rate('scoreline_rejected_rows_total')})",
    }
    resent = f"sum by (queue) (increase(scoreline_resent_total{{{QUEUE}}}[$__rate_interval]))"
    yield lines(waiting(INTERACTIVE, "Patients"), {"patients": backlog(INTERACTIVE)})
    yield lines(waiting(BULK, "Lines of files"), {"lines": backlog(BULK)})
    yield lines(AGE, {"{{queue}} {{state}}": ages})
    yield lines(WAIT, {"p99, {{job}}": f"histogram_quantile(0.99, {waits})"})
    yield lines(ROWS, quantiles("scoreline_batch_rows_bucket"))
    yield lines(PACE, paces)
    yield lines(RESENT, {"{{queue}}": or_none(resent)})


def celerys_own() -> Iterator[timeseries.Panel]:
    """Yield the panels of what Celery says of itself, by its exporter, which knows the queue of no task of ours."""
    runtimes = f"sum by (le, name) ({rate('celery_task_runtime_bucket')})"
    ends = {
        "succeeded, {{name}}": f"sum by (name) ({rate('celery_task_succeeded_total')})",
        "failed": or_none(f"sum({rate('celery_task_failed_total')})"),
        "retried": or_none(f"sum({rate('celery_task_retried_total')})"),
    }
    yield lines(TASKS, ends)
    yield lines(RUNTIME, {"p95, {{name}}": f"histogram_quantile(0.95, {runtimes})"}, width=FULL)


def rate(series: str) -> str:
    """Return the query of how fast series grow."""
    return f"rate({series}[$__rate_interval])"


def waiting(queue: str, what: str) -> Asked:
    """Return what is asked of the backlog of a queue."""
    full = FULL_AT[queue]
    return Asked(
        f"{what} waiting",
        f"How many {what.lower()} were accepted and are not yet scored?",
        units.Short,
        [(0.8 * full, YELLOW), (full, RED)],
        f"Red from {full:,}, above which submits are 429 unless set otherwise, and yellow from four fifths of it.",
    )


def backlog(queue: str) -> str:
    """Return the query of a queue's backlog, which every gateway shows alike."""
    return f'max(scoreline_backlog_patients{{queue="{queue}"}})'
