"""Turns every error into a problem (RFC 9457) that says what is wrong and what to do, without any record's values."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from api.http.openapi import refer_to
from core import errors
from core.errors import FieldError, ScorelineError
from monitoring.log import ORIGIN

LISTED_AT_MOST = 1_000

ERROR_HEADERS: dict[type[ScorelineError], dict[str, str]] = {errors.UnsupportedEncoding: {"Accept-Encoding": "gzip"}}
"""Headers that say what the gateway would accept (RFC 9110, section 15.5.16)."""

Responses = dict[int | str, dict[str, Any]]
"""The `responses` of a route in the OpenAPI document, by status."""

METHODS = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]


class Problem(BaseModel):
    """What went wrong with a request (RFC 9457): `detail` also says what to do next, `instance` names the request."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list[FieldError] | None = None


class ProblemResponse(Response):
    """The response with a problem as JSON."""

    def __init__(self, problem: Problem, headers: Mapping[str, str]) -> None:
        body = problem.model_dump_json(exclude_none=True)
        super().__init__(body, problem.status, dict(headers), media_type="application/problem+json")
        self.problem = problem


RenderProblem = Callable[[Scope, ProblemResponse], Response]
"""Returns the response to send for a problem: the problem itself to a program, a page to a browser."""


def keep_problem(_: Scope, response: ProblemResponse) -> Response:
    """Return the problem unchanged."""
    return response


def describe_problems(*statuses: int) -> Responses:
    """Return the OpenAPI `responses` for the problems that a route may answer."""
    content = {"application/problem+json": {"schema": refer_to(Problem)}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def add_problem_handlers(app: FastAPI, render: RenderProblem = keep_problem) -> None:
    """Answer every error of a route or of the routing with a problem, as `render` shows it."""
    make_problem: dict[type[Exception], Callable[[Any], ProblemResponse]] = {
        ScorelineError: problem_of,
        RequestValidationError: _invalid_query_problem,
        HTTPException: _http_problem,
    }
    for error, problem in make_problem.items():
        app.add_exception_handler(error, _handler(problem, render))


def _handler(
    make_problem: Callable[[Any], ProblemResponse], render: RenderProblem
) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        response = make_problem(error)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # a route knows its own methods only
            response.headers["Allow"] = ", ".join(list_allowed_methods(request))
        return render(request.scope, response)

    return handle


def problem_of(error: ScorelineError) -> ProblemResponse:
    """Return the problem for an error, with `Retry-After` where the error has it, and at most 1,000 field errors.

    Raises the error itself if it is none that is ever answered.
    """
    if error.status is None:
        raise error
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else ERROR_HEADERS.get(type(error), {})
    detail, listed = str(error), list(error.errors[:LISTED_AT_MOST])
    if (total := len(error.errors) + error.unlisted) > len(listed):
        detail += f" The first {len(listed)} of {total} are listed."
    return _problem(error.status, error.code, detail, headers, listed or None)


def _invalid_query_problem(error: RequestValidationError) -> ProblemResponse:
    faults = [
        # Pydantic's messages may quote the input.
        FieldError(field=str(fault["loc"][-1]), code=fault["type"], message="is not what /docs says it must be")
        for fault in error.errors()
    ]
    return problem_of(errors.InvalidQuery(errors=tuple(faults)))


def _http_problem(error: HTTPException) -> ProblemResponse:
    details = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address: /docs lists all there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method: /docs lists those it does.",
    }
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "-")
    return _problem(status, code, details.get(status, status.description), error.headers or {})


def internal_error() -> ProblemResponse:
    """Return the problem for an unexpected error."""
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


def list_allowed_methods(request: Request) -> list[str]:
    """Return the methods that any route allows at the request's path."""
    return [method for method in METHODS if _allows(request, method)]


def _allows(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(dict(scope))[0] is Match.FULL for route in request.app.routes)
