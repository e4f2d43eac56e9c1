"""Runs every program of Scoreline on this machine: `python -m stack up`; `write` writes the files that list them."""

import argparse
import sys

from rich.console import Console

from core.errors import OperatorError, ScorelineError
from core.process import keep_private
from core.telemetry import switch_off_telemetry
from stack import compose_file, supervisord_file
from stack.settings import StackSettings
from stack.up import KILLED_BY_USER, bring_up

MISCONFIGURED = 2


def main() -> int:
    """Do what the command line asks for; return the exit code: 0 stopped, 1 failed, 2 set up wrongly."""
    parser = argparse.ArgumentParser(
        prog="python -m stack", description="Runs Scoreline on one machine. Settings are SCORELINE_* variables."
    )
    parser.add_argument(
        "command",
        choices=["up", "write"],
        help="up: start everything, and stop it on Ctrl-C; write: write supervisord.conf and docker-compose.yml anew",
    )
    if parser.parse_args().command == "write":
        return write_files()
    keep_private()
    switch_off_telemetry()
    try:
        return bring_up(StackSettings.read(), Console())
    except OperatorError as error:
        return fail(str(error), MISCONFIGURED)
    except ScorelineError as error:
        return fail(str(error), 1)
    except KeyboardInterrupt:
        return KILLED_BY_USER


def write_files() -> int:
    """Write supervisord.conf and docker-compose.yml as the list of programs makes them; return the exit code."""
    for path, render in (
        (supervisord_file.PATH, supervisord_file.render_supervisord),
        (compose_file.PATH, compose_file.render_compose),
    ):
        path.write_text(render(path.read_text()))
    return 0


def fail(sentence: str, code: int) -> int:
    """Say on standard error why it ends, and return the exit code."""
    print(f"scoreline: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
