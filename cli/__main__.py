"""Runs the command line: `scoreline`, or `python -m cli`."""

from cli.app import make_app


def main() -> None:
    """Do what the command line asks for."""
    make_app()(prog_name="scoreline")


if __name__ == "__main__":
    main()
