"""Turns every error into a problem (RFC 9457) that names what is wrong and what to do, and no record's value."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from api.http.openapi import refer
from core import errors
from core.errors import FieldError, ScorelineError
from monitoring.log import ORIGIN

LISTED_AT_MOST = 1_000

HEADERS: dict[type[ScorelineError], dict[str, str]] = {errors.UnsupportedEncoding: {"Accept-Encoding": "gzip"}}
"""What an answer says in its headers of what would be taken (RFC 9110, section 15.5.16)."""


class Problem(BaseModel):
    """What went wrong with a request (RFC 9457): `detail` also says what to do next, `instance` names the request."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list[FieldError] | None = None


class ProblemResponse(Response):
    """A problem as programs are told of it."""

    def __init__(self, problem: Problem, headers: Mapping[str, str]) -> None:
        body = problem.model_dump_json(exclude_none=True)
        super().__init__(body, problem.status, dict(headers), media_type="application/problem+json")
        self.problem = problem


RenderProblem = Callable[[Scope, ProblemResponse], Response]
"""Makes of a problem what the one who asked is to be shown."""


def as_it_is(_: Scope, told: ProblemResponse) -> Response:
    """Return the problem itself."""
    return told


Responses = dict[int | str, dict[str, Any]]
"""What a route says in the OpenAPI document of what it answers, by status."""


def answers(*statuses: int) -> Responses:
    """Return what a route says in the OpenAPI document of the problems it may answer."""
    content = {"application/problem+json": {"schema": refer(Problem)}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def answer_problems(app: FastAPI, show: RenderProblem = as_it_is) -> None:
    """Make the app answer a problem, as it is shown, for every error that leaves a route, or that no route ever saw."""
    tell: dict[type[Exception], Callable[[Any], ProblemResponse]] = {
        ScorelineError: problem_of,
        RequestValidationError: _invalid_query,
        HTTPException: _http,
    }
    for error, problem in tell.items():
        app.add_exception_handler(error, _handler(problem, show))


def _handler(tell: Callable[[Any], ProblemResponse], show: RenderProblem) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        told = tell(error)
        if told.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # of which each route knows its own methods alone
            told.headers["Allow"] = ", ".join(methods_at(request))
        return show(request.scope, told)

    return handle


def problem_of(error: ScorelineError) -> ProblemResponse:
    """Return the answer that says what went wrong. Raises the error itself if it is none that is ever answered."""
    if error.status is None:
        raise error
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else HEADERS.get(type(error), {})
    detail, listed = str(error), list(error.errors[:LISTED_AT_MOST])
    if (total := len(error.errors) + error.unlisted) > len(listed):
        detail += f" The first {len(listed)} of {total} are listed."
    return _problem(error.status, error.code, detail, headers, listed or None)


def _invalid_query(error: RequestValidationError) -> ProblemResponse:
    faults = [
        # Pydantic's own words may quote what was sent.
        FieldError(field=str(fault["loc"][-1]), code=fault["type"], message="is not what /docs says it must be")
        for fault in error.errors()
    ]
    return problem_of(errors.InvalidQuery(errors=tuple(faults)))


def _http(error: HTTPException) -> ProblemResponse:
    details = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address: /docs lists all there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method: /docs lists those it does.",
    }
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "-")
    return _problem(status, code, details.get(status, status.description), error.headers or {})


def internal_error() -> ProblemResponse:
    """Return the answer to a request that failed in a way that no one foresaw."""
    detail = "The service failed in a way it should not. Send it again, a submit with the same key."
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", detail, {})


def _problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    headers: Mapping[str, str],
    listed: list[FieldError] | None = None,
) -> ProblemResponse:
    origin = ORIGIN.get()
    problem = Problem(
        type=f"urn:scoreline:problem:{code}",
        title=status.phrase,
        status=status,
        detail=detail,
        instance=f"urn:scoreline:request:{origin[0]}" if origin else None,
        errors=listed,
    )
    return ProblemResponse(problem, headers)


METHODS = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]


def methods_at(request: Request) -> list[str]:
    """Return the methods that the request's address takes, of whichever routes."""
    return [method for method in METHODS if _takes(request, method)]


def _takes(request: Request, method: str) -> bool:
    asked = {**request.scope, "method": method}
    return any(route.matches(dict(asked))[0] is Match.FULL for route in request.app.routes)
