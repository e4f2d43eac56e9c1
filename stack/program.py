"""What there is to say of a program: how `make up` runs it, how docker-compose.yml does, and its ports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stack.settings import StackSettings

LOOPBACK = "127.0.0.1"
GROUPS = {"store": 1, "service": 2, "visitors": 3}
"""Groups of programs under supervisord, which stops the one with the highest number first."""


@dataclass(frozen=True)
class Port:
    """A port that a program listens on: the settings that hold its number and host, and how errors name its user."""

    setting: str
    title: str
    host_setting: str | None = None
    """None: it listens on 127.0.0.1."""

    scraped: bool = False
    """Whether Prometheus reads metrics from it."""

    @property
    def variable(self) -> str:
        """The environment variable that sets the number."""
        return f"SCORELINE_{self.setting.upper()}"

    @property
    def default(self) -> int:
        """The number that it has by default."""
        return int(StackSettings.model_fields[self.setting].default)

    def number_in(self, settings: StackSettings) -> int:
        """Return the number, or 0 where the program does not listen on it."""
        return int(getattr(settings, self.setting)) if settings.metrics or not self.scraped else 0

    def host_in(self, settings: StackSettings) -> str:
        """Return the host that the program listens on."""
        return str(getattr(settings, self.host_setting)) if self.host_setting else LOOPBACK


@dataclass(frozen=True)
class Condition:
    """When `up` starts a program: the variable of supervisord.conf that says so, and what decides it."""

    variable: str
    holds: Callable[[StackSettings], bool]


@dataclass(frozen=True)
class Container:
    """How docker-compose.yml runs a program. Values of `environment` are YAML, as they are to stand there."""

    service: str
    image: str
    """The target in Dockerfile, from which the image is named too."""

    command: str = ""
    """The command, if it differs from the one under supervisord."""

    redis_user: str = ""
    """Whom it logs in to Redis as (deploy/compose/redis/users.acl); a program without one reads no settings either."""

    environment: Mapping[str, str] = field(default_factory=dict)
    probe: str = ""
    """The URL that answers 200 while the program is well; empty: that of its metrics."""

    waits_for: str = "redis"
    """The service that must be healthy before this one is started."""

    published: Port | None = None
    """The port that is published, on 127.0.0.1 of the host."""

    calls_out: bool = False
    """Whether it calls addresses outside of the composition."""

    stores_files: bool = False
    """Whether it uses the volume of the object store."""

    profile: str = ""
    """The profile of Compose without which it is not started."""

    cpu_shares: int | None = None
    """Its weight beside the other containers, where processors are scarce; None: 1024, as all have."""

    mem_limit: str = ""
    """The memory that it may take, if it differs from that of the others."""

    comment: str = ""


@dataclass(frozen=True)
class Program:
    """A program: `name` is that of its log in `make up`, `command` and `comment` as supervisord.conf has them.

    Without `container`, docker-compose.yml has it by hand, since others make its image.
    """

    name: str
    command: str
    container: Container | None
    group: str = ""
    """One of GROUPS; a program without one is stopped before all of them."""

    ports: tuple[Port, ...] = ()
    condition: Condition | None = None
    is_nice: bool = False
    """Whether it yields the processor to the programs that score: monitors do, and simulated patients."""

    kills_children: bool = False
    """Whether SIGKILL, if it comes to that, goes to its children too. SIGTERM goes to the program alone."""

    comment: str = ""

    def starts(self, settings: StackSettings) -> bool:
        """Whether `up` starts it."""
        return self.condition is None or self.condition.holds(settings)
