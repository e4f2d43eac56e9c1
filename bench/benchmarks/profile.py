"""The profile: the processor time that each process spends on a job, and the functions that it goes to, by py-spy."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from bench.load.wrk import drive, write_patients
from bench.local.conditions import wait_until
from bench.local.programs import STARTED_WITHIN_S, free_port, responds, running, start, start_valkey, stop
from bench.processes import children, used_by_ended_s, used_s
from bench.services.contenders import JOBS, MANY
from bench.services.environments import environment
from bench.services.service import CLIENTS_WITH_MANY, PATIENTS_IN_JOB, WARM_S

PROCESS = re.compile(r"process \d+:")
THREAD = re.compile(r"thread \(\w+\)(?:: (?P<name>.*?)(?:_\d+)?)?$")
BRANCH = 0.9  # of its caller's time, below which a function is worth a line of its own

TITLE = "Where the time goes"
SAMPLES_PER_S = 200
LISTED = 16
LEAST_SHARE = 0.02
PREFACE = """\
Clients wait for each job (`Prefer: wait`). Functions are those that take clearly less than their caller, as shares of
their process's samples by py-spy; in brackets what a function takes itself. Of the gateway, only the thread that holds
the interpreter's lock is sampled.
"""
LOADS = {
    f"{MANY} clients, one patient in a job": (MANY, 1),
    f"{CLIENTS_WITH_MANY} clients, {PATIENTS_IN_JOB:,} patients in a job": (CLIENTS_WITH_MANY, PATIENTS_IN_JOB),
}


@dataclass(slots=True)
class Thread:
    """What the threads of one name did: samples in all, in each function with what it called, and in it alone."""

    name: str
    samples: int = 0
    within: Counter[str] = field(default_factory=Counter)
    itself: Counter[str] = field(default_factory=Counter)
    callers: dict[str, set[str]] = field(default_factory=dict)

    def add(self, frames: list[str], samples: int) -> None:
        """Count a stack, the outermost function first, that was seen so many times."""
        self.samples += samples
        for frame in set(frames):
            self.within[frame] += samples
        for caller, frame in pairwise(frames):
            self.callers.setdefault(frame, set()).add(caller)
        if frames:
            self.itself[frames[-1]] += samples

    def branches(self) -> list[str]:
        """Return the functions that take clearly less time than whoever calls them, those that take most first.

        What only passes a call on says nothing that its caller has not said.
        """
        return [name for name, samples in self.within.most_common() if self._branches(name, samples)]

    def _branches(self, name: str, samples: int) -> bool:
        callers = self.callers.get(name, set()) - {name}
        return bool(callers) and samples < BRANCH * min(self.within[caller] for caller in callers)


def read_stacks(text: str) -> list[Thread]:
    """Return the threads, those with most samples first.

    Threads of one name but for a number count as one, and so do those of a process's children, which are named apart
    from its own.
    """
    threads: dict[str, Thread] = {}
    for line in text.splitlines():
        stack, _, samples = line.rpartition(" ")
        name, frames = name_thread(stack.split(";"))
        threads.setdefault(name, Thread(name)).add(frames, int(samples))
    return sorted(threads.values(), key=lambda thread: -thread.samples)


def name_thread(stack: list[str]) -> tuple[str, list[str]]:
    """Return the name of the thread that a stack belongs to, and the stack's frames."""
    processes = [part for part in stack if PROCESS.match(part)]
    threads = [found for part in stack if (found := THREAD.match(part))]
    frames = [part for part in stack if not PROCESS.match(part) and not THREAD.match(part)]
    name = (threads[0]["name"] if threads else None) or "a thread without a name"
    return (f"children's {name}" if len(processes) > 1 else name), frames


@dataclass(frozen=True, slots=True)
class Profile:
    """What one load cost: microseconds of processor time a job by process, and samples of gateway and worker."""

    jobs_per_s: float
    used_us: dict[str, float]
    threads: dict[str, list[Thread]]


def measure(kept: Path, seconds: int) -> dict[str, Profile]:
    """Return the profile under each load, by the load's name; processor time and samples take `seconds` each."""
    spy = environment("profiler", kept) / "py-spy"
    return {name: measure_once(spy, seconds, *load) for name, load in track(LOADS.items(), "Profiling")}


def measure_once(spy: Path, seconds: int, clients: int, patients: int) -> Profile:
    """Return the profile under one load, of clients that each wait for their job."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder, port, store = Path(name), free_port(), free_port()
        processes = {"Valkey": start_valkey(folder / "valkey", store)}
        stack.callback(stop, processes["Valkey"])
        variables = {"SCORELINE_API_PORT": str(port), "SCORELINE_REDIS_URL": f"redis://127.0.0.1:{store}/0"}
        for what, room in (("sweep", "worker sweep"), ("worker", "worker run"), ("gateway", "api")):
            processes[what] = stack.enter_context(running(*room.split(), log=folder / "log", **variables))
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}/health/ready"), within_s=STARTED_WITHIN_S, what="the service to be ready")
        pids = {what: process.pid for what, process in processes.items()}
        bodies = write_patients(folder / "bodies.jsonl", patients)
        drive(url, JOBS, bodies, clients=clients, seconds=WARM_S, follow=True)
        before = used(pids)
        load = drive(url, JOBS, bodies, clients=clients, seconds=seconds, follow=True)
        after = used(pids)
        watched = {what: processes[what].pid for what in ("gateway", "worker")}
        spies = [
            start(*record(spy, pid, seconds, folder / what, holder_only=what == "gateway"), log=folder / "log")
            for what, pid in watched.items()
        ]
        drive(url, JOBS, bodies, clients=clients, seconds=seconds + 2, follow=True)  # py-spy takes a while to begin
        for process in spies:
            process.wait(STARTED_WITHIN_S)
        threads = {what: read_stacks((folder / what).read_text()) for what in watched}
    used_us = {what: 1e6 * (after[what] - before[what]) / load.scored for what in after}
    return Profile(load.scored / load.seconds, used_us, threads)


def used(pids: dict[str, int]) -> dict[str, float]:
    """Return the seconds of processor time that each process has used, the worker's children and wrk apart."""
    seconds = {what: used_s(pid) for what, pid in pids.items()}
    seconds["worker's two children"] = sum(map(used_s, children(pids["worker"])))
    return seconds | {"wrk": used_by_ended_s()}


def record(spy: Path, pid: int, seconds: int, path: Path, *, holder_only: bool) -> list[str]:
    """Return the command that samples a process and its children to a file.

    Of the gateway, whose threads hand one lock around, only who holds it is seen: who waits for it costs nothing.
    """
    options = ["--format=raw", f"--rate={SAMPLES_PER_S}", f"--duration={seconds}", "--threads", "--subprocesses"]
    options += ["--gil"] if holder_only else []
    return [str(spy), "record", *options, "--function", "--nonblocking", f"--output={path}", f"--pid={pid}"]


def report(profiles: dict[str, Profile]) -> Iterator[str]:
    """Yield the lines of the section in bench/RESULTS.md."""
    yield f"## {TITLE}\n"
    yield PREFACE
    for load, profile in profiles.items():
        yield f"### {load}\n"
        used_us = sorted(profile.used_us.items(), key=lambda one: -one[1])
        total_us = sum(profile.used_us.values())
        yield f"{profile.jobs_per_s:,.0f} jobs/s. Processor time a job, in µs: all {total_us:,.0f};"
        yield ", ".join(f"{what} {us:,.0f}" for what, us in used_us) + ".\n"
        for process, threads in profile.threads.items():
            yield f"| {process}: thread and function | share |\n|---|---|"
            yield from list_functions(threads)
            yield ""


def list_functions(threads: list[Thread]) -> Iterator[str]:
    """Yield a line for each thread, and for each function of it that matters, with its share of all samples."""
    total = sum(thread.samples for thread in threads)
    for thread in threads:
        if thread.samples < LEAST_SHARE * total:
            continue
        yield f"| **{thread.name}** | **{thread.samples / total:.0%}** |"
        for name in thread.branches()[:LISTED]:
            if thread.within[name] >= LEAST_SHARE * total:
                yield f"| `{name}` | {thread.within[name] / total:.0%} ({thread.itself[name] / total:.0%}) |"
