"""What the service stands on: processes, and Redis."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import units

from core.settings import Settings
from monitoring.grafana.board import begin_board, choose
from monitoring.grafana.panel import GREEN, RED, YELLOW, Asked, lines, number, quantiles

REDIS_TIMEOUT_S = float(Settings.model_fields["redis_timeout_s"].default)

UP = Asked(
    "Services that answer",
    "Does every service that Prometheus scrapes answer it?",
    units.BoolYesNo,
    [(1, GREEN)],
    "Red for no: at least one process of that job is gone, or cannot be reached.",
    first=RED,
)
LEDGER = Asked(
    "The ledger answers",
    "Does Redis answer the gateways?",
    units.BoolYesNo,
    [(1, GREEN)],
    "Red for no: submits are answered 503 until it is back; what was accepted is on its disk.",
    first=RED,
)
APPENDED = Asked(
    "Redis writes to its disk",
    "Did the last write to the append-only file go well?",
    units.BoolYesNo,
    [(1, GREEN)],
    "Red for no: the disk is full or broken, and what is accepted now may be lost. With appendfsync always Redis stops "
    "instead.",
    first=RED,
)
CLIENTS = Asked(
    "Connections to Redis",
    "How many connections does Redis hold?",
    units.Short,
    [(5_000, YELLOW), (9_000, RED)],
    "Yellow from 5,000 and red from 9,000: it refuses more than its maxclients, by default 10,000.",
)
MEMORY = Asked(
    "Memory",
    "How much memory do the processes of each service take? What they share counts in each.",
    units.BytesIEC,
    [(400 << 20, YELLOW), (512 << 20, RED)],
    "Red from 512 MiB, where a container of compose is killed (1 GiB for one that scores files), and yellow from four "
    "fifths of it. What a service takes grows with neither files nor backlog; a gateway takes 22 KiB more for each "
    "client that waits (bench/RESULTS.md).",
)
CPU = Asked(
    "Processor",
    "How many cores does each service keep busy, and Redis?",
    "suffix: cores",
    [(0.8, YELLOW), (2, RED)],
    "Yellow from 0.8: Redis does its commands, and a gateway process its requests, on one core, which is nearly full. "
    "Red from 2, what a worker's two processes may take.",
)
REDIS_MEMORY = Asked(
    "Memory of Redis",
    "How near is Redis to the most that it may use? A maximum of 0 is none.",
    units.BytesIEC,
    [(0.8 * (1 << 30), YELLOW), (1 << 30, RED)],
    "Red from 1 GiB, the maximum in compose: some two million jobs that wait or are kept, at 400 to 450 bytes each. "
    "Yellow from four fifths of it. When memory is full, submits are 503, and what was accepted is still scored.",
)
WRITES = Asked(
    "Seconds to write down a group of jobs",
    "How long does it take until jobs are on the disk of Redis and their bell was rung?",
    units.Seconds,
    [(0.1, YELLOW), (REDIS_TIMEOUT_S, RED)],
    "Yellow from 0.1 s: the disk is busy with something else, such as the files of batches. "
    f"Red from {REDIS_TIMEOUT_S:g} s, where Redis counts as away.",
)


def make_infrastructure() -> Dashboard:
    """Return the dashboard."""
    of_job, window = '{job=~"$job"}', "[$__rate_interval]"
    return (
        begin_board("Infrastructure", "Has the service what it stands on?")
        .with_variable(choose("job", "scoreline_processes", "Services whose processes are shown."))
        .with_panel(number(UP, "min by (job) (up)", "{{job}}"))
        .with_panel(number(LEDGER, "max(scoreline_ledger_up)"))
        .with_panel(number(APPENDED, "max(scoreline_redis_aof_last_write_ok)"))
        .with_panel(number(CLIENTS, "max(scoreline_redis_connected_clients)"))
        .with_panel(lines(MEMORY, {"{{job}}": f"sum by (job) (process_resident_memory_bytes{of_job})"}))
        .with_panel(
            lines(
                CPU,
                {
                    "{{job}}": f"sum by (job) (rate(process_cpu_seconds_total{of_job}{window}))",
                    "redis": f"max(rate(scoreline_redis_cpu_seconds_total{window}))",
                },
            )
        )
        .with_panel(
            lines(
                REDIS_MEMORY,
                {
                    "used": "max(scoreline_redis_memory_used_bytes)",
                    "maximum": "max(scoreline_redis_memory_max_bytes)",
                },
            )
        )
        .with_panel(lines(WRITES, quantiles("scoreline_commit_group_duration_seconds_bucket")))
    )
