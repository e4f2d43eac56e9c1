"""`scoreline doctor`: finds what is wrong, and says what to do."""

import logging
from collections.abc import Iterator
from urllib.parse import urlsplit

import typer

from cli.configuration import Configuration, Key, Shown, Url
from cli.display import show
from cli.exits import REFUSED, say
from cli.findings import Finding, Verdict
from core.settings import Settings
from scoreline_client import Client
from scoreline_client.errors import Forbidden, ScorelineError, ServiceAway, Unauthorized

LOCAL = {"127.0.0.1", "localhost", "::1"}
MAKE = "have the operator make one (`python -m api keys create`), and set SCORELINE_API_KEY"


class Heard(logging.Handler):
    """Keeps what is logged, to be found instead."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.said.append(record.getMessage())


def doctor(output: Shown = None, url: Url = None, api_key: Key = None) -> None:
    """Find what is wrong, and say what to do.

    Looks at the gateway, the API key, versions, disk, ports, Redis, and workers. What lies behind a service of another
    machine cannot be seen: then only the gateway is asked.
    """
    known = Configuration.read(url=url, api_key=api_key, output=output)
    findings = list(examine(known))
    rows = [finding._asdict() for finding in findings]
    show(rows, rows, Finding._fields, known.output)
    wrong = sum(finding.verdict is Verdict.WRONG for finding in findings)
    if wrong:
        say(f"scoreline: {wrong} of these {'is' if wrong == 1 else 'are'} wrong: do what stands beside.")
        raise typer.Exit(REFUSED)
    say("all is well")


def examine(known: Configuration) -> Iterator[Finding]:
    """Yield all that is found."""
    gateway = list(check_gateway(known))
    yield from gateway
    if urlsplit(known.url).hostname not in LOCAL:
        return
    from cli import checks

    settings, heard = Settings.read(), Heard()
    yield from checks.check_versions()
    yield from checks.check_disk(settings)
    if gateway[0].verdict is Verdict.WRONG:
        yield from checks.check_ports(settings)
    log = logging.getLogger("core.connect")
    log.addHandler(heard)
    log.propagate = False
    ledger = list(checks.check_ledger(settings, lambda: heard.said))
    yield from ledger
    if not any(finding.verdict is Verdict.WRONG for finding in ledger):
        yield from checks.check_workers(settings)


def check_gateway(known: Configuration) -> Iterator[Finding]:
    """Ask the gateway whether it lives, and whether the whole road is open."""
    secret = known.api_key.get_secret_value() if known.api_key else None
    with Client(known.url, api_key=secret, patience_s=0) as client:
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
