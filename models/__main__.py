"""The command line of models: `python -m models fetch`, `check` and `probe`; `--help` says what they do."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import OperatorError
from core.settings import Settings
from models.load_check import PROMPT, Trial


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status: 0, or 1 after a sentence on what went wrong."""
    try:
        options = parse(arguments)
        options.command(options)
    except (OperatorError, OSError) as error:
        print(f"{PROMPT}{error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m models", description="The released model.")
    commands = parser.add_subparsers(required=True, metavar="command")
    bundle = Settings.read().bundle
    fetched = commands.add_parser("fetch", help="take the released bundle out of MLflow's registry")
    fetched.set_defaults(command=fetch_bundle)
    fetched.add_argument("--alias", help="alias of the version (default: the one that a release is given)")
    fetched.add_argument("--name", help="name of the registered model (default: the one that releases are of)")
    fetched.add_argument("--out", type=Path, default=bundle, help="folder of the bundle (default: %(default)s)")
    checked = commands.add_parser("check", help="load a bundle as a worker does, and say whether one would take it up")
    checked.set_defaults(command=check_bundle)
    probed = commands.add_parser("probe", help="write a bundle's probes.json anew, from what its model says now")
    probed.set_defaults(command=probe_bundle)
    for command in (checked, probed):
        command.add_argument("folder", nargs="?", type=Path, default=bundle, help="its folder (default: %(default)s)")
    return parser.parse_args(arguments)


def fetch_bundle(options: argparse.Namespace) -> None:
    """Fetch a bundle. Raises NoMlflow, BrokenBundle."""
    from models.registry import ALIAS, NAME, Mlflow, fetch  # loads an HTTP client, which no worker needs

    server = Mlflow()
    card = fetch(server, options.out, options.name or NAME, options.alias or ALIAS)
    print(f"Fetched {card.version} from {server.uri} to {options.out}, its hashes as registered")


def check_bundle(options: argparse.Namespace) -> None:
    """Load a bundle; a signal ends this process if that takes too long. Raises BrokenBundle."""
    Trial.limit_own_time()
    from models.scorer import Scorer

    print(f"A worker would take up {options.folder}: it is model {Scorer.load(options.folder).version}")


def probe_bundle(options: argparse.Namespace) -> None:
    """Write the probes of a bundle, unless its model fails the load check with them. Raises BrokenBundle."""
    from models.scorer import write_probes

    card = write_probes(options.folder)
    print(
        f"Wrote probes of {card.version} to {options.folder}: what it says of them now is what it must say at each load"
    )


if __name__ == "__main__":
    sys.exit(main())
