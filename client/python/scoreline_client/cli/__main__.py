"""Runs the command line: `scoreline`, or `python -m scoreline_client.cli`."""

import sys

EXTRA = {"typer", "rich"}


def main() -> None:
    """Do what the command line asks for; without what the extra `cli` installs, say so and end with exit code 2."""
    try:
        from scoreline_client.cli.app import make_app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        print("scoreline: the command line needs more than the client: install scoreline-client[cli].", file=sys.stderr)
        sys.exit(2)
    make_app()(prog_name="scoreline")


if __name__ == "__main__":
    main()
