"""Reads the stacks that py-spy collapsed: `frame;frame;frame samples` a line."""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

PROCESS = re.compile(r"process \d+:")
THREAD = re.compile(r"thread \(\w+\)(?:: (?P<name>.*?)(?:_\d+)?)?$")
BRANCH = 0.9  # of its caller's time, below which a function is worth a line of its own


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
