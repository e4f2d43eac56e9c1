"""The error tree: what may be raised, by what to do about it. No error holds a patient's value.

A problem that the service answered is raised as the class of its `code`, or else of its status.
"""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import ClassVar, NamedTuple

NAMED_AT_MOST = 13
"""Bad fields that a message names: all of one patient's."""


class FieldError(NamedTuple):
    """One thing wrong with one field of what was sent; names the field and the rule, never the value."""

    field: str
    code: str
    message: str


class ScorelineError(Exception):
    """Something did not go as asked; the message says what, and what to do."""


class ServiceAway(ScorelineError):
    """Nothing answered for as long as the client was to be patient; a submit may or may not have been taken."""


class NotScored(ScorelineError):
    """A job ended without scores, or had none in time; the message says why."""


class BrokenOff(ScorelineError):
    """A file was cut off on its way, and cannot be gone on with: what it was read from, or written to, only goes on."""


class Problem(ScorelineError):
    """The service answered a problem (RFC 9457)."""

    code: ClassVar[str] = ""
    """The end of the problem's `type`, of which this class is made."""
    status_code: ClassVar[int] = 0
    """The HTTP status of which this class is made where no class is made of the code."""

    def __init__(
        self, status: int, code: str, detail: str, errors: tuple[FieldError, ...], retry_after_s: float | None
    ):
        named = [f"{fault.field} {fault.message}." for fault in errors[:NAMED_AT_MOST]]
        super().__init__(" ".join([detail, *named]))
        self.status = status
        self.problem = code
        self.detail = detail
        self.errors = errors
        """Every bad field, where fields are what is wrong."""
        self.retry_after_s = retry_after_s
        """Seconds after which the service asks to come back."""


class BadRequest(Problem):
    """The request cannot be read."""

    status_code = HTTPStatus.BAD_REQUEST


class UnmetExpectation(BadRequest):
    """Something between here and the service added a header Expect that it cannot meet."""

    status_code = HTTPStatus.EXPECTATION_FAILED


class UnknownVersion(BadRequest):
    """Something between here and the service speaks a version of HTTP that the service does not."""

    status_code = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED


class UnknownHost(Problem):
    """The gateway is not known by the name that it was called by: an operator may add it to SCORELINE_HOSTS."""

    status_code = HTTPStatus.MISDIRECTED_REQUEST


class UnsupportedMediaType(Problem):
    """The service does not take this kind of file."""

    status_code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UploadStalled(Problem):
    """No more of the file came for too long."""

    status_code = HTTPStatus.REQUEST_TIMEOUT


class BadRange(Problem):
    """What was asked for begins beyond the end."""

    status_code = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


class Failed(Problem):
    """The service failed; a submit may be sent again with the same key."""

    status_code = HTTPStatus.INTERNAL_SERVER_ERROR


class Invalid(Problem):
    """What was sent is not valid: correct what `errors` lists."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY


class InvalidPatient(Invalid):
    """A patient is not valid."""

    code = "invalid-patient"


class InvalidFile(Invalid):
    """A file cannot be scored as it is."""

    code = "invalid-file"


class InvalidQuery(Invalid):
    """An option is not valid."""

    code = "invalid-query"


class RefusedCallback(Invalid):
    """The service does not call this URL back."""

    code = "refused-callback"


class KeyReused(Invalid):
    """The key was used with something else."""

    code = "idempotency-key-reused"


class Unauthorized(Problem):
    """The service asks for an API key, or does not know the one that was sent."""

    status_code = HTTPStatus.UNAUTHORIZED


class Forbidden(Problem):
    """The API key does not allow this."""

    status_code = HTTPStatus.FORBIDDEN


class Unknown(Problem):
    """There is no such job, batch or address."""

    status_code = HTTPStatus.NOT_FOUND


class Gone(Problem):
    """It ended, and is no longer kept."""

    status_code = HTTPStatus.GONE


class LedgerLost(Gone):
    """The service lost it: send it again, unless it was erased."""

    code = "ledger-lost"


class Conflict(Problem):
    """It is not in the state for this."""

    status_code = HTTPStatus.CONFLICT


class EndedJob(Conflict):
    """Too late: the job has ended already."""

    code = "ended-job"


class EndedBatch(Conflict):
    """Too late: the batch has ended already."""

    code = "ended-batch"


class TooLarge(Problem):
    """What was sent is too large."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class HeadTooLarge(TooLarge):
    """The address and headers that were sent are too large."""

    status_code = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class Busy(Problem):
    """Too much waits, and did for as long as the client was to be patient."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS


class Unavailable(Problem):
    """The service cannot do it now, and could not for as long as the client was to be patient."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE


def problem_of(status: int, headers: Mapping[str, str], content: bytes) -> Problem:
    """Return the error for an answer that is a problem, or that at least has a status."""
    code, detail, listed = "", f"{status} {HTTPStatus(status).phrase}", []
    try:
        said = json.loads(content)
        code, detail = str(said.get("type", "")).rpartition(":")[2], str(said["detail"])
        listed = [FieldError(fault["field"], fault["code"], fault["message"]) for fault in said.get("errors") or ()]
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    kinds = list(_kinds(Problem))
    kind = next((kind for kind in kinds if kind.code and kind.code == code), None)
    kind = kind or next((kind for kind in kinds if kind.status_code == status and not kind.code), Problem)
    return kind(status, code, detail, tuple(listed), retry_after_s(headers))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the service asks to wait, if it does."""
    text = headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None


def _kinds(kind: type[Problem]) -> Iterator[type[Problem]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)
