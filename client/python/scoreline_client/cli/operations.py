"""`scoreline up` and `scoreline doctor`: the whole service on this machine, and what is wrong with one.

What concerns this machine is the checkout's to do: it is started as a program, where this command line lies in one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import typer

from scoreline_client import Client
from scoreline_client.cli.display import show
from scoreline_client.cli.exits import REFUSED, USAGE, OperatorError, say
from scoreline_client.cli.session import Configuration, Key, Shown, Url
from scoreline_client.errors import Forbidden, ScorelineError, ServiceAway, Unauthorized

LOCAL = {"127.0.0.1", "localhost", "::1"}
MAKE = "have the operator make one (`python -m api keys create`), and set SCORELINE_API_KEY"
NO_CHECKOUT = "the service is not beside this command line: get its checkout, then run `make up` there."
NOT_LOOKED_AT = (
    "versions, disk, ports, Redis and workers are looked at from the checkout alone: there, by `python -m stack doctor`"
)


class Verdict(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(NamedTuple):
    """What was found, and what to do about it unless it is well."""

    check: str
    verdict: Verdict
    found: str
    do: str = ""


def up() -> None:
    """Run the whole service on this machine.

    As `make up` does: until Ctrl-C, which loses nothing.
    """
    checkout = find_checkout()
    if not checkout:
        raise OperatorError(NO_CHECKOUT)
    os.chdir(checkout)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "stack", "up"])  # noqa: S606 - a program of our own


def doctor(output: Shown = None, url: Url = None, api_key: Key = None) -> None:
    """Find what is wrong, and say what to do.

    Looks at the gateway, the API key, versions, disk, ports, Redis, and workers. What lies behind a service of another
    machine cannot be seen: then only the gateway is asked.
    """
    known = Configuration.read(url=url, api_key=api_key, output=output)
    findings = list(check_gateway(known))
    if urlsplit(known.url).hostname in LOCAL:
        if checkout := find_checkout():
            findings += check_machine(checkout, running=findings[0].verdict is not Verdict.WRONG)
        else:
            say(NOT_LOOKED_AT)
    rows = [finding._asdict() for finding in findings]
    show(rows, rows, Finding._fields, known.output)
    wrong = sum(finding.verdict is Verdict.WRONG for finding in findings)
    if wrong:
        say(f"scoreline: {wrong} of these {'is' if wrong == 1 else 'are'} wrong: do what stands beside.")
        raise typer.Exit(REFUSED)
    say("all is well")


def find_checkout() -> Path | None:
    """Return the checkout of the service that this command line lies in, or None where it was installed by itself."""
    packages = Path(__file__).resolve().parents[2]
    checkout = packages.parent.parent
    lies_in_one = packages == checkout / "client" / "python" and (checkout / "stack" / "__main__.py").is_file()
    return checkout if lies_in_one else None


def check_machine(checkout: Path, *, running: bool) -> list[Finding]:
    """Return what the checkout's own doctor finds on this machine; of its ports only if no service is `running`.

    Raises OperatorError where the service's settings are wrong.
    """
    command = [sys.executable, "-m", "stack", "doctor", "--json", "--no-ports" if running else "--ports"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)  # noqa: S603 - a program of our own
    if done.returncode == USAGE:
        raise OperatorError(done.stderr.strip().removeprefix("scoreline: "))
    try:
        return [Finding(**found | {"verdict": Verdict(found["verdict"])}) for found in json.loads(done.stdout)]
    except ValueError:  # it could not even start
        why = done.stderr.strip().rpartition("\n")[2]
        return [Finding("versions", Verdict.WRONG, f"the checkout's doctor ended: {why}", "run `make up` there")]


def check_gateway(known: Configuration) -> Iterator[Finding]:
    """Ask the gateway whether it lives, and whether the whole road is open."""
    with Client(known.url, api_key=known.api_key, patience_s=0) as client:
        try:
            client.check()
        except ServiceAway:
            yield Finding(
                "gateway", Verdict.WRONG, f"nothing answers at {known.url}", "run `scoreline up`, or say --url"
            )
            return
        except ScorelineError as error:
            yield Finding("gateway", Verdict.WRONG, f"{known.url}: {error}", "see its log, in var/log/api.log")
            return
        yield Finding("gateway", Verdict.OK, f"{known.url} answers, and workers score")
        yield check_key(client, known)


def check_key(client: Client, known: Configuration) -> Finding:
    """Ask the gateway, which needs to be told who asks only for what is not open, whether it takes the API key."""
    try:
        client.jobs(limit=1)
    except Unauthorized:
        if known.api_key:
            return Finding("API key", Verdict.WRONG, "it is unknown, revoked or expired", f"{MAKE} to it")
        return Finding("API key", Verdict.WRONG, "none is set, and the gateway asks for one", MAKE)
    except Forbidden:
        return Finding("API key", Verdict.WARNING, "it does not allow to read jobs", f"{MAKE}, with the scope `read`")
    except ScorelineError as error:
        return Finding("API key", Verdict.WRONG, str(error), "see the log of the gateway, in var/log/api.log")
    return Finding("API key", Verdict.OK, "the gateway takes it" if known.api_key else "none is set, and none needed")
