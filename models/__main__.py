"""The command line of models: `python -m models fetch --alias champion`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from contract.errors import OperatorError
from contract.settings import Settings
from models.registry import ALIAS, NAME, Mlflow, fetch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status: 0, or 1 after a sentence on what went wrong."""
    try:
        options = parse(arguments)
        server = Mlflow()
        card = fetch(server, options.out, options.name, options.alias)
    except (OperatorError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Fetched {card.version} from {server.uri} to {options.out}, its hashes as registered")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m models", description="The released model.")
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser("fetch", help="take the released bundle out of MLflow's registry")
    command.add_argument("--alias", default=ALIAS, help="alias of the version (default: %(default)s)")
    command.add_argument("--name", default=NAME, help="name of the registered model (default: %(default)s)")
    command.add_argument(
        "--out", type=Path, default=Settings.read().bundle, help="folder of the bundle (default: %(default)s)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
