"""docker-compose.yml: the services of our own images, as stack/programs.py lists them; the rest of it is by hand."""

import json
import re
import shlex
import textwrap
from collections.abc import Iterator

from stack.program import Container, Program
from stack.programs import PROGRAMS
from stack.settings import CHECKOUT

PATH = CHECKOUT / "docker-compose.yml"
WIDTH = 120
STOP_WITHIN_S = 20
"""Seconds that a container has to stop, which is more than any needs to finish the work in hand."""

BEGIN = "  # The services from here to the line `# End` are written by `make programs` from stack/programs.py.\n"
END = "  # End\n"
PLAIN = re.compile(r"[\w./=-]+")


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
