"""Keeps a program running as an operating system's supervisor would: one that ends is started again."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread

Launch = Callable[[], subprocess.Popen[bytes]]

RESTART_PAUSE_S = 0.1  # so that a program that cannot start is no busy loop
ENDS_WITHIN_S = 30


class Program:
    """One program, started by `launch`, and started again whenever it ends."""

    def __init__(self, name: str, launch: Launch) -> None:
        self.name = name
        self.launch = launch
        self.exits = 0
        self._may_start = Event()
        self._may_start.set()
        self._stopped = Event()
        self._lock = Lock()
        self._process = launch()
        self._watch = Thread(target=self._keep_up, name=f"supervisor of {name}", daemon=True)
        self._watch.start()

    @property
    def pid(self) -> int:
        """The process id it has at the moment."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self._process.send_signal(number)

    def end(self, number: signal.Signals) -> None:
        """Send a signal that ends the program, and return when it has ended; unless held, it is started again."""
        process = self._process
        process.send_signal(number)
        process.wait(ENDS_WITHIN_S)

    def exchange(self, launch: Launch) -> None:
        """Kill the program, and start it in this other way from now on."""
        with self._lock:
            self.launch = launch
            self.end(signal.SIGKILL)

    def hold(self) -> None:
        """From now on leave the program down once it has ended."""
        self._may_start.clear()

    def release(self) -> None:
        """Start the program again whenever it has ended."""
        self._may_start.set()

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the program, and its children with it, for good."""
        self._stopped.set()
        self._may_start.set()
        with self._lock:
            pids = children(self.pid)
            self.send(signal.SIGCONT)
            self.end(number)
        kill(*pids)
        self._watch.join()

    def _keep_up(self) -> None:
        while True:
            self._process.wait()
            self.exits += 1
            self._may_start.wait()
            if self._stopped.wait(RESTART_PAUSE_S):
                return
            with self._lock:
                if self._stopped.is_set():
                    return
                self._process = self.launch()


def children(pid: int) -> list[int]:
    """Return the ids of a process's children, oldest first."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, check=True).stdout
    pairs = (line.split() for line in table.splitlines())
    return sorted(int(child) for child, parent in pairs if int(parent) == pid)


def kill(*pids: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send each of these processes a signal; one that is gone already does not mind."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
