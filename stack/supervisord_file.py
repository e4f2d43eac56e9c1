"""supervisord.conf: its groups and programs, as stack/programs.py lists them; the section of supervisord is by hand."""

import re
import textwrap
from collections.abc import Iterator

from stack.program import GROUPS, Program
from stack.programs import PROGRAMS
from stack.settings import CHECKOUT

PATH = CHECKOUT / "supervisord.conf"
WIDTH = 120
WORD = re.compile(r'(?:"[^"]*"|\S)+')
BEGIN = "; The groups and programs from here on are written by `make programs` from stack/programs.py.\n"


def render_supervisord(text: str) -> str:
    """Return the text of supervisord.conf with the programs written anew. Raises ValueError if the mark is missing."""
    sections = [*(_group(name) for name in GROUPS), *(_program(program) for program in PROGRAMS)]
    return text[: text.index(BEGIN) + len(BEGIN)] + "".join("\n" + "\n".join(lines) + "\n" for lines in sections)


def _group(name: str) -> Iterator[str]:
    yield f"[group:{name}]"
    yield f"programs={','.join(program.name for program in PROGRAMS if program.group == name)}"
    yield f"priority={GROUPS[name]}"


def _program(program: Program) -> Iterator[str]:
    yield from textwrap.wrap(program.comment, WIDTH, initial_indent="; ", subsequent_indent="; ")
    yield f"[program:{program.name}]"
    nice = "nice " if program.is_nice else ""
    yield from _wrap_command(f"command=python -m stack.die_with_parent {nice}{program.command}")
    if program.condition:
        yield f"autostart=%(ENV_{program.condition.variable})s"
    yield "autorestart=true"
    yield "startretries=1000000"
    yield "stopwaitsecs=%(ENV_STACK_STOP_WAIT_S)s"
    if program.kills_children:
        yield "killasgroup=true"
    yield "redirect_stderr=true"
    yield f"stdout_logfile=%(ENV_SCORELINE_VAR)s/log/{program.name}.log"
    yield "stdout_logfile_maxbytes=5MB"
    yield "stdout_logfile_backups=2"


def _wrap_command(command: str) -> Iterator[str]:
    """Yield the command in lines that do not break inside quotes, as those of textwrap would."""
    line = ""
    for word in WORD.findall(command):
        if line and len(line) + 1 + len(word) > WIDTH:
            yield line
            line = f"    {word}"
        else:
            line = f"{line} {word}" if line else word
    yield line
