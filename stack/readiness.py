"""Readiness: asks the gateway, which knows it of all programs, whether a job sent now would be scored."""

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

ANSWER_WITHIN_S = 3


@dataclass(frozen=True)
class Obstacle:
    """What is still waited for, in words, and the program whose log may say why it takes so long."""

    what: str
    program: str


SILENT_GATEWAY = Obstacle("the gateway to answer", "api")
UNSCORED_JOB = Obstacle("the first job to be scored", "worker")


def find_obstacle(url: str) -> Obstacle | None:
    """Return what keeps the service at `url` from being ready, or None when nothing does."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/health/ready")
        return None if connection.getresponse().status == 200 else UNSCORED_JOB
    except (OSError, HTTPException):
        return SILENT_GATEWAY
    finally:
        connection.close()
