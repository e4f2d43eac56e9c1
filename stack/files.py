"""The files that list the programs, supervisord.conf and docker-compose.yml, as the list of programs makes them."""

import json
import re
import shlex
import textwrap
from collections.abc import Iterator

from stack.program import GROUPS, Container, Program
from stack.programs import PROGRAMS
from stack.settings import CHECKOUT

COMPOSE_YML, SUPERVISORD_CONF = CHECKOUT / "docker-compose.yml", CHECKOUT / "supervisord.conf"
WIDTH = 120
STOP_WITHIN_S = 20
"""Seconds that a container has to stop, which is more than any needs to finish the work in hand."""

BEGIN = "  # The services from here to the line `# End` are written by `make programs` from stack/programs.py.\n"
END = "  # End\n"
PLAIN = re.compile(r"[\w./=-]+")

WORD = re.compile(r'(?:"[^"]*"|\S)+')
FIRST_LINE = "; The groups and programs from here on are written by `make programs` from stack/programs.py.\n"


def render_compose(text: str) -> str:
    """Return the text of docker-compose.yml with our services written anew. Raises ValueError if a mark is missing."""
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    services = [_service(program, program.container) for program in PROGRAMS if program.container]
    return text[:before] + "".join("\n".join(lines) + "\n\n" for lines in services) + text[after:]


def _service(program: Program, container: Container) -> list[str]:
    comment = textwrap.wrap(container.comment, WIDTH, initial_indent="  # ", subsequent_indent="  # ")
    lines = [
        *_definition(program, container),
        "environment:",
        *(f"  {line}" for line in _environment(program, container)),
    ]
    return [*comment, f"  {container.service}:", *(f"    {line}" for line in lines + list(_limits(container)))]


def _definition(program: Program, container: Container) -> Iterator[str]:
    yield "<<: *program"
    yield f"image: scoreline-{container.image}:${{TAG:-latest}}"
    yield f"build: {{context: ., target: {container.image}}}"
    words = shlex.split(container.command or program.command)
    yield f"command: [{', '.join(word if PLAIN.fullmatch(word) else json.dumps(word) for word in words)}]"
    yield f"depends_on: {{{container.waits_for}: {{condition: service_healthy}}}}"
    yield f"stop_grace_period: {STOP_WITHIN_S}s"


def _environment(program: Program, container: Container) -> Iterator[str]:
    if user := container.redis_user:
        yield "<<: *settings"
        yield f"SCORELINE_REDIS_URL: redis://{user}:${{REDIS_{user.upper()}_PASSWORD}}@redis:6379/0"
    yield from (f"{name}: {value}" for name, value in container.environment.items())
    metrics = [f"http://127.0.0.1:{port.default}/metrics" for port in program.ports if port.scraped]
    yield f"PROBE: {container.probe or metrics[0]}"


def _limits(container: Container) -> Iterator[str]:
    if container.profile:
        yield f"profiles: [{container.profile}]"
    if container.published or container.calls_out:
        yield "networks: [inside, outside]"
    if port := container.published:
        yield f'ports: ["127.0.0.1:${{{port.variable}:-{port.default}}}:{port.default}"]'
    if container.stores_files:
        yield 'volumes: ["store:/var/lib/scoreline"]'
    if container.cpu_shares:
        yield f"cpu_shares: {container.cpu_shares}"
    if container.mem_limit:
        yield f"mem_limit: {container.mem_limit}"


def render_supervisord(text: str) -> str:
    """Return the text of supervisord.conf with the programs written anew. Raises ValueError if the mark is missing."""
    sections = [*(_group(name) for name in GROUPS), *(_program(program) for program in PROGRAMS)]
    return text[: text.index(FIRST_LINE) + len(FIRST_LINE)] + "".join(
        "\n" + "\n".join(lines) + "\n" for lines in sections
    )


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


def write_files() -> None:
    """Write both files as the list of programs makes them."""
    for path, render in ((SUPERVISORD_CONF, render_supervisord), (COMPOSE_YML, render_compose)):
        path.write_text(render(path.read_text()))
