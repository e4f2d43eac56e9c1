"""The error tree: each class says what happened and what to do next, and never holds a patient's value.

A class's docstring is its default message. `code` is stable and machine-readable; the gateway turns it into
the type of a problem (RFC 9457), the worker into the error of a failed job. `status` is that of the gateway's answer,
and None for what is never an answer.
"""

from http import HTTPStatus
from typing import ClassVar, Self

from pydantic import BaseModel


class FieldError(BaseModel):
    """One thing wrong with one field of what was sent; names the field and the rule, never the value."""

    field: str
    code: str
    message: str


class ScorelineError(Exception):
    """Something went wrong in Scoreline."""

    code: ClassVar[str] = "error"
    status: ClassVar[HTTPStatus | None] = None

    def __init__(
        self,
        message: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        unlisted: int = 0,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))
        self.errors = errors
        self.unlisted = unlisted  # more of them
        self.retry_after_s = retry_after_s


class RequestError(ScorelineError):
    """The request cannot be served as it is: correct it, then send it again."""

    code = "bad-request"


class NotJson(RequestError):
    """The body is not JSON: send one patient as a JSON object, or {"patients": [...]}."""

    code = "not-json"
    status = HTTPStatus.BAD_REQUEST


class InvalidPatient(RequestError):
    """The patient is not valid: correct every field listed under `errors`, then send it again."""

    code = "invalid-patient"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class InvalidQuery(RequestError):
    """A parameter of the request is not valid: correct every one listed under `errors`, then send it again."""

    code = "invalid-query"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class RefusedCallback(RequestError):
    """The service does not call this URL back: name another."""

    code = "refused-callback"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class InvalidFile(RequestError):
    """The file cannot be scored as it is: correct what is listed under `errors`, then send it again."""

    code = "invalid-file"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    @classmethod
    def whole(cls, code: str, message: str, field: str = "file") -> Self:
        """Return the error for what is wrong with a file, or with the form that it came in, as a whole."""
        return cls(errors=(FieldError(field=field, code=code, message=message),))


class BadHeader(RequestError):
    """A header of the request is not valid."""

    code = "bad-header"
    status = HTTPStatus.BAD_REQUEST


class ForeignForm(RequestError):
    """The form was sent by a page of another site, so nothing was done: open the page here, and send it from there."""

    code = "foreign-form"
    status = HTTPStatus.FORBIDDEN


class NotHttp(RequestError):
    """What was sent is no HTTP/1.1 request, or breaks off in the middle: correct it, then send it again."""

    code = "not-http"
    status = HTTPStatus.BAD_REQUEST


class UnknownVersion(RequestError):
    """This version of HTTP is not served: send the request as HTTP/1.1."""

    code = "unknown-version"
    status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED


class UnmetExpectation(RequestError):
    """Nothing but 100-continue may be expected: send the request without the header Expect."""

    code = "unmet-expectation"
    status = HTTPStatus.EXPECTATION_FAILED


class UnknownHost(RequestError):
    """The gateway is not known by this host, which `Host` or the target names: an operator may add it."""

    code = "unknown-host"
    status = HTTPStatus.MISDIRECTED_REQUEST


class HeadTooLarge(RequestError):
    """Request line and headers are too large: send fewer or shorter headers."""

    code = "head-too-large"
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class TooSlow(RequestError):
    """The request did not come in the time that there is for it: send it again, faster."""

    code = "too-slow"
    status = HTTPStatus.REQUEST_TIMEOUT


class Unread(RequestError):
    """Nobody read the answer, so it was broken off: ask again."""

    code = "unread"


class UnsupportedMediaType(RequestError):
    """The body must be JSON: send it with `Content-Type: application/json`."""

    code = "unsupported-media-type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnsupportedEncoding(UnsupportedMediaType):
    """The body must be encoded with gzip, or not at all."""


class BadEncoding(RequestError):
    """The body is not what its Content-Encoding says: send it packed so, or leave the header out."""

    code = "bad-encoding"
    status = HTTPStatus.BAD_REQUEST


class BadRange(RequestError):
    """The range begins beyond the end of what there is."""

    code = "bad-range"
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


class BodyIncomplete(RequestError):
    """The body ended before it was whole; nothing of it was kept: send it again."""

    code = "body-incomplete"
    status = HTTPStatus.BAD_REQUEST


class UploadStalled(RequestError):
    """No more of the body came for too long; nothing of it was kept: send it again."""

    code = "upload-stalled"
    status = HTTPStatus.REQUEST_TIMEOUT


class BodyTooLarge(RequestError):
    """The body is too large: send fewer patients at once."""

    code = "body-too-large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnknownJob(RequestError):
    """There is no job with this id: check it against the `Location` header that its submit answered."""

    code = "unknown-job"
    status = HTTPStatus.NOT_FOUND


class ExpiredJob(RequestError):
    """The job ended and its result was kept for the stated time; it is gone now: submit the patient again."""

    code = "expired-job"
    status = HTTPStatus.GONE


class UnknownBatch(RequestError):
    """There is no batch with this id: check it against the `Location` header that its upload answered."""

    code = "unknown-batch"
    status = HTTPStatus.NOT_FOUND


class ExpiredBatch(RequestError):
    """The batch ended and its results were kept for the stated time; they are gone now: upload the file again."""

    code = "expired-batch"
    status = HTTPStatus.GONE


class LedgerLost(RequestError):
    """The service lost what had this id, as its Redis was emptied or set back: unless you erased it, send it again."""

    code = "ledger-lost"
    status = HTTPStatus.GONE


class UnknownModel(RequestError):
    """No model of this version has scored lately: ask for the one that is served, or see `model_version` of a score."""

    code = "unknown-model"
    status = HTTPStatus.NOT_FOUND


class UnservedModel(RequestError):
    """The model version that was asked for is not the one that is served: ask for that one, or for none."""

    code = "model-not-served"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class LostResults(RequestError):
    """Some of the batch's files are no longer in the object store: tell the operator, and upload the file again."""

    code = "lost-results"
    status = HTTPStatus.GONE


class EndedJob(RequestError):
    """The job has already ended, so it cannot be canceled; read its result, or erase it with DELETE."""

    code = "ended-job"
    status = HTTPStatus.CONFLICT


class EndedBatch(RequestError):
    """The batch has already ended, so it cannot be canceled; read its results, or erase it with DELETE."""

    code = "ended-batch"
    status = HTTPStatus.CONFLICT


class KeyReused(RequestError):
    """This Idempotency-Key was used with another body or query: send a new key, or the same again."""

    code = "idempotency-key-reused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class KeyInUse(RequestError):
    """The first request with this Idempotency-Key is still being written down: send it again in a second."""

    code = "idempotency-key-in-use"
    status = HTTPStatus.CONFLICT


class MissingKey(RequestError):
    """This needs an API key: send it as `Authorization: Bearer sl_...`; the operator of the service makes them."""

    code = "missing-key"
    status = HTTPStatus.UNAUTHORIZED


class RefusedKey(RequestError):
    """This API key is not valid: it is unknown, revoked or expired. Ask the operator of the service for another."""

    code = "refused-key"
    status = HTTPStatus.UNAUTHORIZED


class MissingScope(RequestError):
    """This API key does not allow that: ask the operator of the service for one that does."""

    code = "missing-scope"
    status = HTTPStatus.FORBIDDEN


class Unavailable(ScorelineError):
    """The service cannot do this at the moment: send it again after the seconds in `Retry-After`."""

    code = "unavailable"


class LedgerUnavailable(Unavailable):
    """The ledger does not answer: send it again after the seconds in `Retry-After`, a submit with the same key."""

    code = "ledger-unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class MemoryFull(LedgerUnavailable):
    """Redis has no room for new work, which nothing accepted is harmed by: send it again after the seconds in
    `Retry-After`. The operator can raise its `maxmemory`, or keep results for less long (SCORELINE_RESULT_TTL).
    """

    code = "memory-full"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class Crowded(Unavailable):
    """Too many connections are open, or new keys looked at: send it again after the seconds in `Retry-After`."""

    code = "crowded"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class UnresolvedCallback(Unavailable):
    """The host of callback_url could not be looked up in time: send it again after the seconds in `Retry-After`."""

    code = "unresolved-callback"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class Backlogged(Unavailable):
    """Too many records are waiting to be scored: send it again after the seconds in `Retry-After`."""

    code = "backlogged"
    status = HTTPStatus.TOO_MANY_REQUESTS


class QuotaExceeded(Unavailable):
    """The API key allows no more of this for now: send it again after the seconds in `Retry-After`."""

    code = "quota-exceeded"
    status = HTTPStatus.TOO_MANY_REQUESTS


class StoreUnavailable(Unavailable):
    """The object store does not answer: send it again after the seconds in `Retry-After`."""

    code = "store-unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class StoreFull(Unavailable):
    """The object store has no room left: ask the operator to make some, then send it again."""

    code = "store-full"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class NotReady(Unavailable):
    """No job has been scored lately: see whether a worker runs and what its log says."""

    code = "not-ready"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class NotLive(Unavailable):
    """A part of the gateway has died, so that it does not serve as it should: restart it."""

    code = "not-live"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class NoModel(Unavailable):
    """No worker has told yet which model it serves: see whether one runs and what its log says, then ask again."""

    code = "no-model"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class NoReference(Unavailable):
    """The card of this model has no reference to compare patients with: ask the operator to run `make train`."""

    code = "no-reference"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class ScoringFailed(ScorelineError):
    """The patient could not be scored."""

    code = "scoring-failed"
    status = HTTPStatus.INTERNAL_SERVER_ERROR


class BadScore(ScorelineError):
    """The model gave something that is no score, so that nothing of it was kept: tell the operator, who has its log."""

    code = "bad-score"


class UnreadableRecord(ScorelineError):
    """What is written down of this cannot be read, which no request brings about: tell the operator its id."""

    code = "unreadable-record"
    status = HTTPStatus.INTERNAL_SERVER_ERROR


class OperatorError(ScorelineError):
    """The service is set up wrongly: correct what the message names, then start it again."""

    code = "misconfigured"


class NewerLedger(OperatorError):
    """The ledger is of a format newer than this program, which takes nothing from it: upgrade the program."""


class UnknownKey(OperatorError):
    """There is no API key with this prefix: `python -m api keys list` shows all."""

    code = "unknown-key"


class UnfitRedis(OperatorError):
    """Redis is set up so that it would lose accepted jobs, or could not take any."""

    code = "unfit-redis"


class BrokenBundle(OperatorError):
    """The model bundle cannot be used: run `make train` to make it anew."""

    code = "broken-bundle"


class BadTable(OperatorError):
    """The training table is not the one expected: run `python -m training table` to make it anew."""

    code = "bad-table"
