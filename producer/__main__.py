"""Sends simulated patients, or runs the demo: `python -m producer --help`."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from itertools import islice

from pydantic import SecretStr
from rich.console import Console

from core.errors import ScorelineError
from core.settings import Settings
from producer.client import Client
from producer.copula import Copula
from producer.demo import show_demo
from producer.file import write_file
from producer.options import parse
from producer.scenarios import SCENARIOS
from producer.screen import Screen
from producer.table import Labels, read_cases
from producer.traffic import Traffic
from producer.visits import Mishaps, arrive_randomly, make_visits, pause_randomly, stream


async def send_traffic(options: argparse.Namespace, url: str, key: SecretStr | None, console: Console) -> None:
    """Send patients until `options.count`, SIGINT or SIGTERM, then print the totals."""
    scenario = SCENARIOS.get(options.scenario)
    mishaps = Mishaps(scenario, options.since, options.malformed, options.duplicates, options.label_after)
    visits = islice(make_visits(Copula(read_cases()), mishaps, options.seed), options.count)
    chance = stream(options.seed, "arrive")
    low_s, high_s = options.pause
    pauses = (
        arrive_randomly(options.rate, options.burst, chance) if options.rate else pause_randomly(low_s, high_s, chance)
    )
    with ExitStack() as stack:
        labels = stack.enter_context(Labels(options.labels)) if options.labels else None
        screen = stack.enter_context(Screen(console))
        async with Client(url, report=screen.report, key=key) as client:
            traffic = Traffic(client, screen.show, screen.report, labels)
            await run_until_stopped(traffic.send(visits, pauses))
        screen.report(f"{traffic.totals}")


async def run_until_stopped(work: Coroutine[None, None, None]) -> None:
    """Await the work, and cancel it on SIGINT or SIGTERM."""
    task = asyncio.create_task(work)
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def main() -> int:
    """Run the requested command; return the exit code."""
    if sys.argv[1:2] == ["file"]:
        return write_file(sys.argv[2:], sys.stdout.buffer)
    options = parse(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs every request
    settings = Settings.read()
    console, url = Console(), options.url or settings.api_url
    if options.command == "demo":
        out = settings.var / "demo-scores.csv"
        asyncio.run(show_demo(url, settings.api_key, read_cases(), options.rows, out, console))
    else:
        asyncio.run(send_traffic(options, url, settings.api_key, console))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ScorelineError, OSError) as error:
        sys.exit(f"scoreline: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
