"""The code says the field's words: names of an older, private language do not come back."""

import io
import re
import tokenize
from pathlib import Path

import pytest

from bench.local.programs import ROOT
from tests.unit.test_house import FILES

OLD = {
    "bell": "notification",
    "bells": "notifications",
    "canary": "probe job (a canary is a rollout's share)",
    "courier": "webhook sender",
    "cutter": "record splitter",
    "deed": "audit event",
    "deeds": "audit events",
    "door": "interface, login",
    "doorkeeper": "authenticator",
    "gate": "authentication, load check",
    "guard": "security middleware",
    "heard": "job event",
    "house": "supervisor",
    "intake": "upload parser",
    "keepers": "authentication",
    "notices": "job watcher",
    "notifier": "webhook worker",
    "onlooker": "monitor",
    "onlookers": "monitors",
    "outlet": "growing file",
    "quarantine": "dead letters",
    "ring": "notify",
    "rung": "notified",
    "shelf": "part writer",
    "stretch": "object range",
    "survey": "queue stats",
    "sweep": "reap",
    "tally": "accumulator",
    "tether": "die with parent",
    "told": "say what it is",
    "trail": "access log",
    "verdicts": "predictions, statuses",
    "witness": "response observer",
}
"""What is not said in a name, and what is said instead."""

SETTINGS = ("canary_every_s", "sweep_every_s", "sweep_metrics_port")
"""Names that stay, since installations set them: docs/architecture.md lists all that do."""

OURS = [path for path in FILES if path.relative_to(ROOT).parts[0] != "tests"]


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_says_an_old_word(path: Path) -> None:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    names = {path.stem} | {token.string for token in tokens if token.type == tokenize.NAME} - {*SETTINGS}
    assert find_old_words(names) == {}


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.lua")), ids=lambda path: str(path.stem))
def test_no_script_of_the_ledger_says_an_old_word(path: Path) -> None:
    code = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("--"))
    assert find_old_words({path.stem, *re.findall(r"\b[A-Za-z_]\w*\b", re.sub(r"'[^']*'", "", code))}) == {}


def find_old_words(names: set[str]) -> dict[str, str]:
    """Return the names that say an old word, in snake case or camel case, each with what to say instead."""
    return {
        name: OLD[word.lower()]
        for name in names
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
        if word.lower() in OLD
    }
