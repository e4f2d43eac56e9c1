"""How a command ends: its exit code, and on standard error the sentence that says why."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from scoreline_client.errors import Busy, ScorelineError, ServiceAway, Unavailable

REFUSED = 1
USAGE = 2
AWAY = 3
INTERRUPTED = 130

EXIT_CODES = """Exit codes:
  0    done
  1    refused or failed: also a batch that did not succeed, or what doctor found
  2    the command line, a file or a setting is not as it should be
  3    the service does not answer, or cannot for now
  130  Ctrl-C"""


class OperatorError(Exception):
    """A setting or an installation is not as it should be; the message says what to do."""


class Exits(TyperGroup):
    """The group of all commands; what one of them raises becomes a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (ServiceAway, Busy, Unavailable) as error:
            raise end(AWAY, str(error)) from None
        except ScorelineError as error:
            raise end(REFUSED, str(error)) from None
        except OperatorError as error:
            raise end(USAGE, str(error)) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            raise end(USAGE, f"{error.filename or 'the file'}: {error.strerror}") from None


def say(sentence: str) -> None:
    """Tell the user, on standard error: standard output holds data and nothing else."""
    print(sentence, file=sys.stderr)


def end(code: int, sentence: str) -> typer.Exit:
    """Say why the command ends, and return what ends it."""
    say(f"scoreline: {sentence}")
    return typer.Exit(code)
