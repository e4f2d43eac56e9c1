"""The command line of `python -m api`: its arguments, and the commands for API keys and the audit."""

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

WEIGHT_LIMIT = 100  # a heavier key would starve the others
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed arguments; without a `command` the gateway serves."""
    parser = argparse.ArgumentParser(
        prog="python -m api", description="Serves the gateway, or handles its API keys. Settings are SCORELINE_*."
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("openapi", help="write the OpenAPI document to standard output")
    keys = commands.add_parser("keys", help="make, list and revoke API keys").add_subparsers(
        dest="action", required=True
    )
    create = keys.add_parser("create", help="make a key and print it, once: it is kept nowhere")
    create.add_argument("--name", required=True, type=parse_name, help="whose it is, for the list")
    create.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in Scope],
        help="what it allows; may be given several times (default: score, batch and read)",
    )
    create.add_argument("--expires", type=parse_seconds, metavar="90d", help="when it ends by itself (default: never)")
    create.add_argument("--requests-per-second", type=parse_count, metavar="N", help="most requests in a second")
    create.add_argument(
        "--rows-per-day", type=parse_count, metavar="N", help="most patients and rows of files in a day (UTC)"
    )
    create.add_argument("--batches-at-once", type=parse_count, metavar="N", help="most batches that have not ended")
    create.add_argument(
        "--weight", type=parse_weight, metavar="N", help="its share where others want theirs too, 1 to 100 (default: 1)"
    )
    keys.add_parser("draw", help="print a key that no service knows yet, to be set as SCORELINE_API_KEY")
    keys.add_parser("list", help="print every key there ever was, without its secret")
    keys.add_parser("revoke", help="have a key be refused, for good, within a second").add_argument("prefix")
    audit = commands.add_parser("audit", help="print who did what, as lines of JSON, the oldest first")
    audit.add_argument(
        "--since", type=parse_time, metavar="24h", help="how long ago, or a time such as 2026-01-31T12:00Z"
    )
    audit.add_argument("--key", metavar="PREFIX", help="only what the holder of this key did")
    audit.add_argument("--action", choices=[action.value for action in Action], help="only such actions")
    return parser.parse_args(arguments)


def parse_name(text: str) -> str:
    """Return the name. Raises ArgumentTypeError unless it has 1 to 100 characters and fits in one line of the list."""
    if not re.fullmatch(r"[^\t\r\n]{1,100}", text):
        raise argparse.ArgumentTypeError("must be 1 to 100 characters, without tabs")
    return text


def parse_count(text: str) -> int:
    """Return the whole number above 0 in the text. Raises ArgumentTypeError."""
    if not re.fullmatch(r"[1-9][0-9]{0,14}", text):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def parse_weight(text: str) -> int:
    """Return the whole number of 1 to 100 in the text. Raises ArgumentTypeError."""
    if (number := parse_count(text)) > WEIGHT_LIMIT:
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 to {WEIGHT_LIMIT}")
    return number


def parse_seconds(text: str) -> int:
    """Return the seconds of a duration such as 90d, 12h, 30m or 45s. Raises ArgumentTypeError."""
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
    if not match:
        raise argparse.ArgumentTypeError("must be a number with d, h, m or s, such as 90d")
    return int(match[1]) * SECONDS[match[2]]


def parse_time(text: str) -> datetime:
    """Return a time: one so long ago (24h), or an ISO 8601 time, in UTC by default. Raises ArgumentTypeError."""
    if re.fullmatch(r"[0-9]+[smhd]", text):
        return datetime.now(UTC) - timedelta(seconds=parse_seconds(text))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a time such as 24h, or 2026-01-31T12:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


COLUMNS = (
    *("prefix", "state", "scopes", "created", "expires", "requests/s", "rows/day", "batches at once", "weight"),
    "name",
)


def run_command(redis: Redis, arguments: Namespace) -> None:
    """Run the command for keys or the audit. Raises LedgerUnavailable and UnknownKey."""
    if arguments.command == "keys" and arguments.action == "draw":
        print(make_key()[2])
        return
    if arguments.command == "audit":
        print_audit(Audit(redis), arguments.since, arguments.key, arguments.action)
        return
    actions: dict[str, Callable[[Keyring, Namespace], None]] = {
        "create": create_key,
        "list": list_keys,
        "revoke": revoke_key,
    }
    actions[arguments.action](Keyring(redis), arguments)


def create_key(keyring: Keyring, arguments: Namespace) -> None:
    """Create a key and print nothing else, so that a script can read it."""
    scopes = [Scope(scope) for scope in arguments.scope] if arguments.scope else USUAL
    limits = Limits(arguments.requests_per_second, arguments.rows_per_day, arguments.batches_at_once, arguments.weight)
    print(keyring.create(arguments.name, scopes, limits, arguments.expires))


def list_keys(keyring: Keyring, _: Namespace) -> None:
    """Print a table of all keys, the oldest first, with tabs between the columns."""
    print(*COLUMNS, sep="\t")
    for key in keyring.all():
        limits = astuple(key.caller.limits)
        facts = (
            name_state(key),
            ",".join(sorted(key.caller.scopes)),
            format_time(key.created),
            format_time(key.expires),
        )
        print(key.caller.key, *facts, *(limit or "-" for limit in limits), key.name, sep="\t")


def revoke_key(keyring: Keyring, arguments: Namespace) -> None:
    """Revoke a key, named by its prefix or by the whole key."""
    prefix = arguments.prefix.removeprefix("sl_").partition("_")[0]
    keyring.revoke(prefix)
    print(f"{prefix} is refused within a second")


def print_audit(audit: Audit, since: datetime | None, key: str | None, action: str | None) -> None:
    """Print one line of JSON for each audit event and id."""
    for at, event in audit.read(since):
        if key in (None, event.key) and action in (None, event.action):
            for id in event.ids or (None,):
                line = {"at": at.isoformat(), "key": event.key, "action": event.action, "kind": event.kind, "id": id}
                print(json.dumps(line))


def name_state(key: Key) -> str:
    """Return `valid`, `revoked` or `expired`."""
    if key.left_s > 0:
        return "valid"
    return "revoked" if key.revoked else "expired"


def format_time(at: datetime | None) -> str:
    """Return a time in ISO 8601 to the second, or `-` for none."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else "-"
