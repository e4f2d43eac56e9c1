"""What can go wrong with `up`: each error is one sentence for whoever typed the command."""

from core.errors import OperatorError, ScorelineError


class PortUnusable(OperatorError):
    """A port that a program needs cannot be listened on: free it, or choose another."""

    code = "port-unusable"


class AlreadyUp(OperatorError):
    """An earlier `up` of this checkout is still running: use it, or stop it first."""

    code = "already-up"


class NoEmbeddedServer(OperatorError):
    """There is no embedded Valkey for this machine: name a Redis in SCORELINE_REDIS_URL, then start again."""

    code = "no-embedded-server"


class SupervisorStopped(ScorelineError):
    """The programs could not be started, or could not be kept running."""

    code = "supervisor-stopped"
