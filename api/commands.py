"""The command line of `python -m api`: its arguments, and what an operator does with keys and the audit."""

import argparse
import json
import re
from argparse import Namespace
from collections.abc import Callable
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

from redis import Redis

from core.ledger.key import USUAL, Limits, Scope, make_key
from core.ledger.redis.access.audit import Action, Audit
from core.ledger.redis.access.keyring import Key, Keyring

HEAVIEST = 100  # a key of which served alone for as long as a hundred others would starve them
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return what was asked for: without a `command`, to serve."""
    parser = argparse.ArgumentParser(
        prog="python -m api", description="Serves the gateway, or handles its API keys. Settings are SCORELINE_*."
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("openapi", help="write the OpenAPI document to standard output")
    keys = commands.add_parser("keys", help="make, list and revoke API keys").add_subparsers(
        dest="action", required=True
    )
    create = keys.add_parser("create", help="make a key and print it, once: it is kept nowhere")
    create.add_argument("--name", required=True, type=name, help="whose it is, for the list")
    create.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in Scope],
        help="what it allows; may be given several times (default: score, batch and read)",
    )
    create.add_argument("--expires", type=seconds, metavar="90d", help="when it ends by itself (default: never)")
    create.add_argument("--requests-per-second", type=count, metavar="N", help="most requests in a second")
    create.add_argument(
        "--rows-per-day", type=count, metavar="N", help="most patients and rows of files in a day (UTC)"
    )
    create.add_argument("--batches-at-once", type=count, metavar="N", help="most batches that have not ended")
    create.add_argument(
        "--weight", type=weight, metavar="N", help="its share where others want theirs too, 1 to 100 (default: 1)"
    )
    keys.add_parser("draw", help="print a key that no service knows yet, to be set as SCORELINE_API_KEY")
    keys.add_parser("list", help="print every key there ever was, without its secret")
    keys.add_parser("revoke", help="have a key be refused, for good, within a second").add_argument("prefix")
    audit = commands.add_parser("audit", help="print who did what, as lines of JSON, the oldest first")
    audit.add_argument("--since", type=moment, metavar="24h", help="how long ago, or a time such as 2026-01-31T12:00Z")
    audit.add_argument("--key", metavar="PREFIX", help="only what the holder of this key did")
    audit.add_argument("--action", choices=[action.value for action in Action], help="only such actions")
    return parser.parse_args(arguments)


def name(text: str) -> str:
    """Return a name that fits in one line of the list."""
    if not re.fullmatch(r"[^\t\r\n]{1,100}", text):
        raise argparse.ArgumentTypeError("must be 1 to 100 characters, without tabs")
    return text


def count(text: str) -> int:
    """Return a whole number above 0."""
    if not re.fullmatch(r"[1-9][0-9]{0,14}", text):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def weight(text: str) -> int:
    """Return a whole number of 1 to 100."""
    if (given := count(text)) > HEAVIEST:
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 to {HEAVIEST}")
    return given


def seconds(text: str) -> int:
    """Return the seconds of a time such as 90d, 12h, 30m or 45s."""
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
    if not match:
        raise argparse.ArgumentTypeError("must be a number with d, h, m or s, such as 90d")
    return int(match[1]) * SECONDS[match[2]]


def moment(text: str) -> datetime:
    """Return the time so long ago, or the time that is given; UTC unless it says otherwise."""
    if re.fullmatch(r"[0-9]+[smhd]", text):
        return datetime.now(UTC) - timedelta(seconds=seconds(text))
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a time such as 24h, or 2026-01-31T12:00Z") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


HEAD = (
    *("prefix", "state", "scopes", "created", "expires", "requests/s", "rows/day", "batches at once", "weight"),
    "name",
)


def operate(redis: Redis, asked: Namespace) -> None:
    """Do what was asked for on the command line. Raises LedgerUnavailable, UnknownKey."""
    if asked.command == "keys" and asked.action == "draw":
        print(make_key()[2])
        return
    if asked.command == "audit":
        print_audit(Audit(redis), asked.since, asked.key, asked.action)
        return
    acts: dict[str, Callable[[Keyring, Namespace], None]] = {"create": create, "list": list_keys, "revoke": revoke}
    acts[asked.action](Keyring(redis), asked)


def create(keyring: Keyring, asked: Namespace) -> None:
    """Make a key, and print it alone, so that a script can take it."""
    scopes = [Scope(scope) for scope in asked.scope] if asked.scope else USUAL
    limits = Limits(asked.requests_per_second, asked.rows_per_day, asked.batches_at_once, asked.weight)
    print(keyring.create(asked.name, scopes, limits, asked.expires))


def list_keys(keyring: Keyring, _: Namespace) -> None:
    """Print every key, the oldest first, apart by tabs."""
    print(*HEAD, sep="\t")
    for key in keyring.all():
        limits = astuple(key.caller.limits)
        told = (state_of(key), ",".join(sorted(key.caller.scopes)), show(key.created), show(key.expires))
        print(key.caller.key, *told, *(most or "-" for most in limits), key.name, sep="\t")


def revoke(keyring: Keyring, asked: Namespace) -> None:
    """Have a key be refused from now on; the whole key may be given as well, by who has it at hand."""
    prefix = asked.prefix.removeprefix("sl_").partition("_")[0]
    keyring.revoke(prefix)
    print(f"{prefix} is refused within a second")


def print_audit(audit: Audit, since: datetime | None, key: str | None, action: str | None) -> None:
    """Print a line of JSON for each thing that was done."""
    for at, deed in audit.read(since):
        if key in (None, deed.key) and action in (None, deed.action):
            for id in deed.ids or (None,):
                done = {"at": at.isoformat(), "key": deed.key, "action": deed.action, "kind": deed.kind, "id": id}
                print(json.dumps(done))


def state_of(key: Key) -> str:
    """Return whether a key is valid, in one word."""
    if key.left_s > 0:
        return "valid"
    return "revoked" if key.revoked else "expired"


def show(at: datetime | None) -> str:
    """Return a time for a list."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else "-"
