"""The scripts of the ledger, as far as they can be checked without a server: their files, heads and constants."""

import re
from pathlib import Path

import pytest

from core.connect import REFUSED_WHEN_FULL, RUNS_WHEN_FULL
from core.ledger.redis import scripts
from core.ledger.redis.constants import SHARED, constants_of
from core.ledger.redis.keys import JOBS, PARTS
from core.ledger.redis.record import FIELDS
from core.ledger.redis.scripts import FOLDER, LUA, NAME, Needs, Script, fill_in_constants, to_lua

SCRIPTS = {name: value for name, value in vars(scripts).items() if isinstance(value, Script)}
FILES = sorted(FOLDER.rglob("*.lua"))
LIBRARIES = {library for script in SCRIPTS.values() for library in script.libraries}
GIVEN = {"KEYS", "ARGV"}
READING = {"GET", "HGET", "HGETALL", "HMGET", "HSTRLEN", "TIME"}
"""The commands of the scripts that need neither memory nor a disk."""

STRING, COMMENT = re.compile(r"'(?:\\.|[^'\\\n])*'"), re.compile(r"--.*")


def code_of(text: str) -> str:
    """Return a script without its comments, and with each string empty; none of ours holds two dashes."""
    return STRING.sub("''", COMMENT.sub("", text))


def head_of(text: str) -> list[str]:
    """Return the comments that a file opens with, up to the first blank line."""
    return text.partition("\n\n")[0].splitlines()


def test_every_script_has_a_file_and_every_file_a_script() -> None:
    assert len(LUA) == len(FILES)
    assert LUA.keys() == {script.name for script in SCRIPTS.values()} | LIBRARIES
    assert [script.name.upper() for script in SCRIPTS.values()] == list(SCRIPTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_plain_text_in_lines_that_can_be_read(path: Path) -> None:
    text = path.read_text()
    assert text.isascii()
    assert "\t" not in text
    assert text.endswith("\n")
    assert [line for line in text.splitlines() if len(line) > 120 or line != line.rstrip()] == []


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_opens_with_what_it_is_given_returns_and_keeps_true(script: Script) -> None:
    head = head_of(script.body)
    assert all(line.startswith("--") for line in head)
    begun = [line.split()[1].rstrip(":") for line in head if re.match(r"-- (KEYS:|ARGV:|Returns|Invariant:)", line)]
    assert begun == ["KEYS", "ARGV", "Returns", "Invariant"]
    for table in GIVEN:
        used = set(re.findall(rf"{table}\[(\d+)\]", code_of(script.body)))
        told = {number for line in head if (number := re.sub(r"^-- ?(KEYS:|ARGV:)?", "", line).strip().split(" ")[0])}
        assert used <= told


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_opens_with_saying_so(library: str) -> None:
    head = head_of(LUA[library])
    assert head[0].startswith("-- Library")
    assert all(line.startswith("--") for line in head)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_script_names_no_constant_that_there_is_not(path: Path) -> None:
    text = path.read_text()
    assert set(NAME.findall(code_of(text))) <= constants_of(JOBS).keys() | GIVEN
    strings = STRING.findall(COMMENT.sub("", text))  # in which a value would be put too
    assert {name for string in strings for name in NAME.findall(string)} & constants_of(JOBS).keys() == set()


def test_no_constant_is_there_for_nothing_or_has_two_values() -> None:
    assert vars(JOBS).keys() & {name.lower() for name in SHARED} == set()
    named = {name for path in FILES for name in NAME.findall(code_of(path.read_text()))}
    assert SHARED.keys() - named == set()


def test_what_redis_is_given_has_the_keys_of_its_ledger_in_the_place_of_their_names() -> None:
    assert fill_in_constants("call('GET', BACKLOG) == DAY_MS", PARTS) == "call('GET', 'sl:part:backlog') == 86400000"
    for script in SCRIPTS.values():
        assert set(NAME.findall(code_of(script.render(PARTS)))) <= GIVEN


@pytest.mark.parametrize("text", ["it's", "a\\b", "a\nb"])
def test_a_constant_that_lua_would_read_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="escaped"):
        to_lua(text)


def test_the_first_line_says_what_a_script_needs() -> None:
    assert scripts.SUBMIT_JOBS.render().startswith(REFUSED_WHEN_FULL)
    assert scripts.SUBMIT_JOBS.render(needs=Needs.DISK).startswith(RUNS_WHEN_FULL)
    assert scripts.CLAIM_JOBS.render().startswith(RUNS_WHEN_FULL)
    reading = [script for script in SCRIPTS.values() if script.needs is Needs.NOTHING]
    assert reading == [scripts.READ_ANSWERS, scripts.FIND_KEY]
    for script in reading:
        assert script.render().startswith("#!lua flags=no-writes\n")
        assert set(re.findall(r"call\('(\w+)'", script.body)) <= READING


def test_answers_are_read_of_the_fields_that_python_takes_apart() -> None:
    (fields,) = re.findall(r"call\('HMGET', job,\s+(.*?)\)", scripts.READ_ANSWERS.body)
    assert fields == ", ".join(f"'{name}'" for name in [*map(bytes.decode, FIELDS), "model"])
