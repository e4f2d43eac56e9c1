"""A real name server on loopback, and programs that look names up there; takes root, which CI must be."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from bench.local.programs import start

PLACE = ("127.53.53.53", 53)  # where the resolver of the C library looks: no other port can be told to it
PUBLIC = IPv4Address("93.184.216.34")
A, NO_ERROR, NO_SUCH_NAME = 1, 0x8180, 0x8183
HEAD_BYTES, POINTER = 12, b"\xc0\x0c"  # to the name of the question
MISSING = "a name server of its own takes root, Linux, and Debian's package util-linux"


def cannot_run() -> bool:
    """Whether there can be no such server here, and need not be: where `CI` is set there must be one."""
    return "CI" not in os.environ and not (
        sys.platform == "linux" and os.geteuid() == 0 and shutil.which("unshare") is not None
    )


@dataclass
class NameServer:
    """Says nothing of `*.slow.example`, that there is no `*.nobody.example`, and that all others are at `PUBLIC`."""

    asked: set[str] = field(default_factory=set)

    def slow(self) -> set[str]:
        """Return the slow names that were asked for."""
        return {name for name in self.asked if name.endswith(".slow.example")}

    def answer(self, question: bytes) -> bytes | None:
        """Return the answer to a question (RFC 1035, 4.1), if there is any."""
        labels, at = list[str](), HEAD_BYTES
        while size := question[at]:
            labels.append(question[at + 1 : at + 1 + size].decode())
            at += 1 + size
        name, kind, end = ".".join(labels), int.from_bytes(question[at + 1 : at + 3], "big"), at + 5
        self.asked.add(name)
        if name.endswith(".slow.example"):
            return None
        flags = NO_SUCH_NAME if name.endswith(".nobody.example") else NO_ERROR
        found = flags == NO_ERROR and kind == A
        counts = b"".join(n.to_bytes(2, "big") for n in (1, int(found), 0, 0))
        head = question[:2] + flags.to_bytes(2, "big") + counts + question[HEAD_BYTES:end]
        return head + (POINTER + bytes([0, 1, 0, 1, 0, 0, 0, 9, 0, 4]) + PUBLIC.packed if found else b"")


@contextmanager
def naming() -> Iterator[NameServer]:
    """Run a name server."""
    server = NameServer()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(PLACE)

        def serve() -> None:
            while True:
                question, caller = door.recvfrom(1_500)
                if not question:
                    return
                if answer := server.answer(question):
                    door.sendto(answer, caller)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", PLACE)
            thread.join()


def start_asking_there(module: str, *arguments: str, folder: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start `python -m module` as `start_python` does, which looks names up at that server; its log is in `folder`."""
    configuration = folder / "resolv.conf"
    configuration.write_text(f"nameserver {PLACE[0]}\n")
    script = f'mount --bind {configuration} /etc/resolv.conf && exec "$@"'
    command = ("unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-m", module, *arguments)
    return start(*command, log=folder / f"{module}.log", **variables)
