"""What the service answers: a job, a batch, or a refusal that says why."""

import json
from typing import TypeVar

import httpx2
from pydantic import ValidationError

from contract.batch import Batch
from contract.errors import ScorelineError
from contract.job import Job

Ends = TypeVar("Ends", Job, Batch)
"""What is waited for."""

NAMED_AT_MOST = 3
"""Bad fields that a refusal names."""


class ServiceAway(ScorelineError):
    """Nothing answers: start the service with `make up`."""

    code = "service-away"


class Refused(ScorelineError):
    """The service refused the request."""

    code = "refused"
    status: int = 0
    """The HTTP status, where that was the refusal."""


def retry_after_s(answer: httpx2.Response, otherwise_s: float) -> float:
    """Return the seconds that the service asks to wait; `otherwise_s` where it names none, or a date."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else otherwise_s


def read_as(kind: type[Ends], answer: httpx2.Response) -> Ends:
    """Return the job or batch that was answered. Raises Refused if it is none."""
    if not answer.is_success:
        raise refusal(answer)
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError:
        what = f"the answer to {answer.request.url.path} is not a {kind.__name__.lower()}"
        raise Refused(f"{what}: is this the right service?") from None


def refusal(answer: httpx2.Response) -> Refused:
    """Return the error for an answer that is a problem (RFC 9457), or at least has a status."""
    try:
        said = json.loads(answer.content)
        faults = [f"{fault['field']} {fault['message']}." for fault in said.get("errors", ())[:NAMED_AT_MOST]]
        error = Refused(" ".join([f"{answer.status_code} {said['title']}: {said['detail']}", *faults]))
    except (ValueError, KeyError, TypeError, AttributeError):
        error = Refused(f"{answer.status_code} {answer.reason_phrase}")
    error.status = answer.status_code
    return error
