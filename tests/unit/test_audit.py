"""What is known of locked packages is asked of a real server: a finding fails, a silent server is told of."""

import json
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from bench.local.programs import free_port
from tests.audit import Accepted, audit

TODAY = date(2026, 11, 25)
LOCK = f"left==1.0 --hash=sha256:{'0' * 64}\nright==2.0 --hash=sha256:{'1' * 64}\n"
FINDING = {
    "id": "GHSA-0000-0000-0000",
    "aliases": ["CVE-2026-0001"],
    "summary": "It falls over.",
    "modified": "2026-11-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "right", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


class Osv(BaseHTTPRequestHandler):
    """Knows of one vulnerability, of the package `right`."""

    def do_POST(self) -> None:
        """Answer as api.osv.dev does."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = json.dumps({"vulns": [FINDING]} if asked["package"]["name"] == "right" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    @override
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of two packages."""
    path = tmp_path / "some.lock"
    path.write_text(LOCK)
    return path


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that is asked instead of PyPI."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        ask_at(monkeypatch, server.server_port)
        yield
        server.shutdown()


def ask_at(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Have pip-audit ask at a port of this machine."""
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{port}/v1/query")


@pytest.mark.usefixtures("osv")
def test_a_known_vulnerability_fails_and_says_what_mends_it(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit([lock], [Accepted("CVE-2026-0001", "thought over until today", TODAY)], TODAY) == 1
    assert "some.lock: right 2.0 has" in (said := capsys.readouterr().out)
    assert "mended in 2.1" in said


@pytest.mark.usefixtures("osv")
def test_an_accepted_vulnerability_passes_until_its_day(lock: Path) -> None:
    assert audit([lock], [Accepted("CVE-2026-0001", "nothing here falls over", date(2026, 11, 26))], TODAY) == 0


@pytest.mark.usefixtures("osv")
def test_a_lock_that_cannot_be_read_is_no_clean_one(tmp_path: Path) -> None:
    (tmp_path / "bad.lock").write_text("right==2.0\n")
    with pytest.raises(RuntimeError, match=r"cannot read .*bad\.lock"):
        audit([tmp_path / "bad.lock"], [], TODAY)


def test_where_nobody_can_be_asked_that_is_said_and_fails_nothing(
    lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_at(monkeypatch, free_port())
    assert audit([lock], [], TODAY) == 0
    assert "nobody who knows of vulnerabilities can be asked" in capsys.readouterr().out
