"""Runs every program of Scoreline on this machine, or finds what is wrong: `python -m stack --help`."""

import argparse
import sys

from rich.console import Console

from core.errors import OperatorError, ScorelineError
from core.process import keep_private
from core.settings import Settings
from core.telemetry import switch_off_telemetry
from stack.doctor import report
from stack.files import write_files
from stack.settings import StackSettings
from stack.up import KILLED_BY_USER, bring_up

MISCONFIGURED = 2


def main() -> int:
    """Do what the command line asks for; return the exit code.

    0: stopped, or all is well; 1: failed, or something is wrong; 2: set up wrongly.
    """
    asked = read_arguments()
    if asked.command == "write":
        write_files()
        return 0
    keep_private()
    switch_off_telemetry()
    try:
        if asked.command == "doctor":
            return report(Settings.read(), ports=asked.ports, as_json=asked.json)
        return bring_up(StackSettings.read(), Console())
    except OperatorError as error:
        return fail(str(error), MISCONFIGURED)
    except ScorelineError as error:
        return fail(str(error), 1)
    except KeyboardInterrupt:
        return KILLED_BY_USER


def read_arguments() -> argparse.Namespace:
    """Return the command, and its options if it has any."""
    parser = argparse.ArgumentParser(
        prog="python -m stack", description="Runs Scoreline on one machine. Settings are SCORELINE_* variables."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything, and stop it on Ctrl-C")
    commands.add_parser("write", help="write supervisord.conf and docker-compose.yml anew, from the list of programs")
    doctor = commands.add_parser("doctor", help="find what is wrong on this machine, and say what to do")
    doctor.add_argument("--json", action="store_true", help="print what is found as JSON, not as a table")
    doctor.add_argument(
        "--ports", action=argparse.BooleanOptionalAction, help="whether to look at ports; else if no gateway is ready"
    )
    return parser.parse_args()


def fail(sentence: str, code: int) -> int:
    """Say on standard error why it ends, and return the exit code."""
    print(f"scoreline: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
