"""No program calls a stranger, or keeps a store of its own in its user's home: the kernel says whom each calls.

The whole house runs where there is a loopback and no route, with an empty home, and without the variable `CI`, which
has some libraries keep quiet.
"""

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.local.programs import CLIENT, ROOT, start
from core.telemetry import OFF
from tests.e2e.up import GONE_WITHIN_S, Up

TOOLS = ("strace", "unshare", "nsenter", "ip")
MISSING = f"it takes root, and {', '.join(TOOLS)}: Debian's packages strace, util-linux and iproute2"
CALLS = "connect,sendto,sendmsg,sendmmsg"
DNS_PORT = "53"
DONE_WITHIN_S = 90
TOLD = re.compile(
    r"sa_family=AF_INET6?, sin6?_port=htons\((?P<port>\d+)\), .*?"
    r"(?:inet_addr\(|inet_pton\(AF_INET6, )\"(?P<address>[^\"]+)\""
)
DEMO, FETCH, TRAIN = "producer demo --rows 2000", "models fetch --out {}", "training release --out {}"
OTHERS = (DEMO, FETCH, TRAIN, "api openapi", "scoreline_client.cli doctor")

pytestmark = pytest.mark.skipif(
    "CI" not in os.environ and not (os.geteuid() == 0 and all(map(shutil.which, TOOLS))), reason=MISSING
)


class Watched:
    """Programs whose calls are written down, in a network of their own; `home` is what they take for their user's."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.trace = folder / "trace"
        self.log = folder / "log"
        self.up = Up(folder)
        self.up.variables |= {"HOME": str(self.home), "SCORELINE_STORE": f"file://{folder}/store"}

    def watched(self, name: str, *command: str) -> tuple[str, ...]:
        """Return the command that runs one unaware, and writes down whom it calls, with all that it starts."""
        unset = [f"--unset={variable}" for variable in ("CI", "XDG_CACHE_HOME", *OFF)]
        strace = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", f"--trace={CALLS}", f"--output={self.trace}.{name}"]
        return ("env", *unset, *strace, sys.executable, "-m", *command)

    def start_up(self) -> None:
        """Start the house."""
        script = 'ip link set lo up && exec "$@"'
        self.up.start("unshare", "--net", "sh", "-c", script, "sh", *self.watched("up", "stack", "up"))

    def run(self, *command: str) -> None:
        """Run a program beside the house, to its end."""
        inside = ("nsenter", f"--target={self.up.session}", "--net", *self.watched(command[0], *command))
        variables = self.up.variables | {"PYTHONPATH": f"{ROOT}:{CLIENT}"}
        assert start(*inside, log=self.log, **variables).wait(DONE_WITHIN_S) in (0, 1, 2), self.log.read_text()

    def strangers(self) -> set[str]:
        """Return whom anyone called but this machine itself, and whoever looks names up for it."""
        return set(self._calls())

    def _calls(self) -> Iterator[str]:
        for path in self.trace.parent.glob(f"{self.trace.name}.*"):
            for line in path.read_text(errors="replace").splitlines():
                for call in TOLD.finditer(line):
                    at_home = call["address"].startswith("127.") or call["address"] in ("::1", "0.0.0.0", "::")  # noqa: S104 - only compared
                    if not at_home or call["port"] == DNS_PORT:
                        yield f"{path.suffix[1:]}: {call['address']} port {call['port']}"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """What is watched, all of it ended at last."""
    found = Watched(tmp_path)
    try:
        yield found
    finally:
        found.up.end()


@pytest.mark.timeout(300)  # all that there is, one after another, and watched
def test_no_program_calls_a_stranger_or_leaves_a_file_in_its_users_home(watched: Watched, tmp_path: Path) -> None:
    assert os.geteuid() == 0, MISSING
    watched.start_up()
    for command in OTHERS:
        watched.run(*command.format(tmp_path / "bundle").split())
    assert any("connect(" in line for line in Path(f"{watched.trace}.up").read_text().splitlines())  # they are seen
    watched.up.process.send_signal(signal.SIGINT)
    assert watched.up.process.wait(GONE_WITHIN_S) == 0, watched.up.said()
    watched.up.wait_until_gone()
    assert watched.strangers() == set()
    assert [path for path in watched.home.rglob("*") if path.is_file()] == []
