"""The arguments of `python -m worker`."""

import argparse

from core.transport.queue import BULK, INTERACTIVE

QUEUES = "single patients and lists (interactive, the default), or files (bulk), which give way to them"


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        prog="python -m worker", description="Scores the jobs on the queue. Settings are SCORELINE_* variables."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a worker; more of them, on any machine, score more")
    run.add_argument("--queue", choices=[INTERACTIVE, BULK], default=INTERACTIVE, help=QUEUES)
    run.add_argument("--name", help="the worker's name, one for each on a machine (default: the queue's)")
    notify = commands.add_parser("notify", help="run a webhook worker, which delivers callbacks; one or more of them")
    notify.add_argument("--name", default="notify", help="its name, one for each on a machine (default: notify)")
    commands.add_parser("sweep", help="run the reaper, which sends again what the queue lost; one or more of them")
    quarantined = commands.add_parser("quarantine", help="handle the jobs that no worker came back from")
    actions = quarantined.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="print them, newest first")
    for action, text in (("replay", "make a new job of each"), ("drop", "erase the patients of each")):
        actions.add_parser(action, help=text).add_argument("ids", nargs="+", metavar="ID")
    return parser.parse_args(arguments)
