"""Puts the command line together."""

import typer

from scoreline_client.cli.exits import EXIT_CODES, Exits
from scoreline_client.cli.fields import describe_fields
from scoreline_client.cli.files import errors, results, submit
from scoreline_client.cli.model import drift, model
from scoreline_client.cli.operations import doctor, up
from scoreline_client.cli.records import batches, cancel, delete, jobs
from scoreline_client.cli.scoring import score
from scoreline_client.cli.session import config_file

ABOUT = "Scores patients for the risk of heart disease, off a queue, and never loses one. It is no medical device."


def make_app() -> typer.Typer:
    """Return the command line; without a command it shows its help."""
    app = typer.Typer(
        name="scoreline",
        cls=Exits,
        help=ABOUT,
        epilog=f"Settings are said by flag, else by SCORELINE_URL, SCORELINE_API_KEY, SCORELINE_OUTPUT and "
        f"SCORELINE_PATIENCE, else in {config_file()}, as url, api_key, output and patience.\n\n\b\n{EXIT_CODES}",
        no_args_is_help=True,
        rich_markup_mode=None,  # which would wrap the tables
        pretty_exceptions_enable=False,  # they show values
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command(epilog=f"Fields, all of which must be stated but chol:\n\n\b\n{describe_fields()}")(score)
    for command in (up, submit, results, errors, jobs, batches, cancel, delete, model, drift, doctor):
        app.command()(command)
    return app
