"""Sends simulated patients, or shows the main job once: `python -m producer --help`."""

import argparse
import asyncio
import logging
import random
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from itertools import islice
from urllib.parse import urlsplit

from rich.console import Console

from contract.errors import ScorelineError
from contract.settings import Settings
from producer.client import Client
from producer.demo import show_demo
from producer.file import write_file
from producer.screen import Screen
from producer.table import draw, read_cases
from producer.traffic import Traffic, pace_steadily, pause_randomly

EPILOG = """examples:
  python -m producer                     a patient every few seconds, until Ctrl-C
  python -m producer --rate 50           fifty patients a second
  python -m producer --count 10 --seed 7 the same ten patients every time
  python -m producer demo                one patient, 303 as one job, a file; and what came of them
  python -m producer file --rows 1000000 > patients.csv
                                         a CSV to upload; file --help tells more
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m producer",
        description="Sends simulated patients to a running Scoreline, drawn from a table of 303 real ones.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=["demo", "file"], help="do the main job once; or write a CSV")
    parser.add_argument("--url", type=http_url, help="where the service is (default: as the SCORELINE_API_* settings)")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--pause",
        type=seconds,
        nargs=2,
        default=(0, 5),
        metavar=("LOW", "HIGH"),
        help="seconds between two patients, drawn evenly from this range (default: 0 5)",
    )
    pace.add_argument("--rate", type=positive, help="patients a second, evenly spaced, instead")
    parser.add_argument("--count", type=natural, help="stop after so many patients (default: at Ctrl-C)")
    parser.add_argument("--seed", type=int, help="draw the same patients every time")
    parser.add_argument("--rows", type=natural, default=200_000, help="rows of the demo's file (default: 200000)")
    return parser.parse_args(arguments)


def http_url(text: str) -> str:
    """Return the URL if it is one. Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(text)
    return text


def seconds(text: str) -> float:
    """Return a number of seconds, 0 or more. Raises ValueError."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def positive(text: str) -> float:
    """Return a number above 0. Raises ValueError."""
    if value := seconds(text):
        return value
    raise ValueError(text)


def natural(text: str) -> int:
    """Return a whole number above 0. Raises ValueError."""
    if (value := int(text)) > 0:
        return value
    raise ValueError(text)


async def send_traffic(asked: argparse.Namespace, url: str, console: Console) -> None:
    """Send patients until there are enough or SIGINT or SIGTERM comes, then say what came of them."""
    patients = islice(draw(read_cases(), random.Random(asked.seed)), asked.count)  # noqa: S311 - not for secrets
    low_s, high_s = asked.pause
    pauses = pace_steadily(asked.rate) if asked.rate else pause_randomly(low_s, high_s, random.Random(asked.seed))  # noqa: S311
    with Screen(console) as screen:
        async with Client(url, tell=screen.tell) as client:
            traffic = Traffic(client, screen.show)
            await run_until_stopped(traffic.send(patients, pauses))
        screen.tell(f"{traffic.tally}")


async def run_until_stopped(work: Coroutine[None, None, None]) -> None:
    """Await the work, and cancel it on SIGINT or SIGTERM."""
    task = asyncio.create_task(work)
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def main() -> int:
    """Do what was asked for; return the exit code."""
    if sys.argv[1:2] == ["file"]:
        return write_file(sys.argv[2:], sys.stdout.buffer)
    asked = parse(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs every request
    console, url = Console(), asked.url or Settings.read().api_url
    if asked.command == "demo":
        out = Settings.read().var / "demo-scores.csv"
        asyncio.run(show_demo(url, read_cases(), asked.rows, out, console))
    else:
        asyncio.run(send_traffic(asked, url, console))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ScorelineError as error:
        sys.exit(f"scoreline: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
