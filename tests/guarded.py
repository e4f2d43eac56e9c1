"""A Redis as docker-compose.yml guards it: a user for each role, and in front of it TLS."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bench.local.programs import ROOT, valkey
from tests.tls import tls

FOLDER = ROOT / "deploy" / "compose" / "redis"
ROLES = ["gateway", "worker", "flower", "exporter", "probe", "admin"]


@dataclass(frozen=True)
class Guarded:
    """Where each role finds Redis, and the file of the authority that certifies it."""

    port: int
    tls_port: int
    passwords: dict[str, str]
    authority: Path

    def variables(self, role: str) -> dict[str, str]:
        """Return the settings by which a program of this role reaches Redis through TLS."""
        door = f"rediss://{role}:{self.passwords[role]}@localhost:{self.tls_port}/0"
        return {"SCORELINE_REDIS_URL": door, "SCORELINE_REDIS_CA": str(self.authority)}

    def connect(self, role: str) -> Redis:
        """Return a client of this role's."""
        once = Retry(NoBackoff(), 0)
        return Redis(port=self.port, username=role, password=self.passwords[role], retry=once)

    def refused(self) -> list[dict[str, Any]]:
        """Return what Redis has refused to anyone since it was last asked."""
        with self.connect("admin") as admin:
            found: list[dict[str, Any]] = admin.acl_log()
            admin.acl_log_reset()
        return [{key: entry[key] for key in ("username", "reason", "object", "context")} for entry in found]


@contextmanager
def guarded(folder: Path) -> Iterator[Guarded]:
    """Run it."""
    passwords = {role: secrets.token_hex(16) for role in ROLES}
    variables = {f"REDIS_{role.upper()}_PASSWORD": password for role, password in passwords.items()}
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    through = ("sh", str(FOLDER / "serve"))
    with ExitStack() as stack:
        users = str(folder / "users.acl")
        url = stack.enter_context(valkey(folder / "valkey", through=through, REDIS_USERS=users, **variables))
        port = int(url.rsplit(":", 1)[1].partition("/")[0])
        yield Guarded(port, stack.enter_context(tls(authority, port)), passwords, folder / "ca.pem")
