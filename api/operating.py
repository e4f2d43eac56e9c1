"""What an operator does with keys and the audit, on the machine itself: make, list, revoke; look."""

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import astuple
from datetime import datetime

from redis import Redis

from contract.key import USUAL, Limits, Scope, make_key
from contract.ledger.audit import Audit
from contract.ledger.keyring import Key, Keyring

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
