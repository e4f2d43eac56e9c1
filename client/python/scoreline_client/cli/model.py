"""`scoreline model` and `scoreline drift`: what scores, and whether patients are still like those it was trained on."""

from typing import Annotated, Any

import typer

from scoreline_client.cli.display import Row, show, show_one
from scoreline_client.cli.exits import say
from scoreline_client.cli.session import Key, Patience, Shown, Url, connect

COLUMNS = ("feature", "verdict", "psi", "p_value", "missing", "missing_reference")

Version = Annotated[str | None, typer.Argument(metavar="[VERSION]", help="Else the one that is served.")]
Hours = Annotated[int, typer.Option(min=1, help="Hours to look at.")]
OfModel = Annotated[
    str | None, typer.Option("--model-version", help="Whose patients to look at; else the served one's.")
]


def model(
    version: Version = None, output: Shown = None, url: Url = None, api_key: Key = None, patience: Patience = None
) -> None:
    """Show the card of the model that is served.

    As JSON all of it; else what is a number or a few words.
    """
    with connect(url, api_key, patience, output) as session:
        card = session.client.model(version)
        show_one(card, to_row(card), session.output)


def drift(
    hours: Hours = 24,
    model_version: OfModel = None,
    output: Shown = None,
    url: Url = None,
    api_key: Key = None,
    patience: Patience = None,
) -> None:
    """Show whether patients are still like the training's."""
    with connect(url, api_key, patience, output) as session:
        found = session.client.drift(hours, model_version)
        rows = [feature.to_dict() for feature in found.features]
        show(found.to_dict(), rows, COLUMNS, session.output)
        summary = f"{', '.join(found.drifting)} drift" if found.drifting else "nothing drifts"
        say(f"{summary}: {found.patients:,} patients of model {found.model_version} in {found.hours} h")


def to_row(card: dict[str, Any]) -> Row:
    """Return what a table says of a card: not its tables."""
    return {name: value for name, value in card.items() if isinstance(value, str | int | float)}
