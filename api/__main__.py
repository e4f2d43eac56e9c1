"""Runs the gateway: `python -m api`."""

import logging
import socket
import sys
from types import FrameType

import uvicorn

from api.app import make_app
from api.gateway import Gateway
from contract.connect import check_redis, open_redis
from contract.errors import LedgerUnavailable, OperatorError, ScorelineError
from contract.ledger.redis_ledger import RedisLedger
from contract.queue import make_celery, make_send
from contract.settings import Settings

log = logging.getLogger("api")

GRACE_S = 5  # who waits for a result is answered at once when the gateway is to stop


class Server(uvicorn.Server):
    """A server that, told to stop, answers those who wait for a result with their job as it is."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop serving."""
        super().handle_exit(sig, frame)
        gateway: Gateway | None = getattr(self.config.app.state, "gateway", None)  # type: ignore[union-attr]
        if gateway:
            gateway.notices.dismiss_soon()


def listen(settings: Settings) -> socket.socket:
    """Return a listening socket on the gateway's port. Raises OperatorError if the port is taken."""
    door = socket.socket(socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((settings.api_host, settings.api_port))
    except OSError as error:
        place = f"{settings.api_host}:{settings.api_port}"
        raise OperatorError(
            f"cannot listen on {place} ({error.strerror}): set SCORELINE_API_PORT to a free port."
        ) from None
    return door


def main() -> None:
    """Serve until SIGTERM or Ctrl-C; what was accepted by then is answered."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings.read()
    redis = open_redis(settings)
    try:
        check_redis(redis)
    except LedgerUnavailable:
        log.warning("Redis cannot be reached yet; submits are answered 503 until it can")
    app = make_app(settings, RedisLedger(redis, settings), make_send(make_celery(settings)))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S
    )
    Server(config).run([listen(settings)])


if __name__ == "__main__":
    try:
        main()
    except ScorelineError as error:
        sys.exit(f"scoreline: {error}")
