"""Refuses unknown query parameters, without repeating their text."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.http.problem import describe_problems
from core.errors import FieldError, InvalidQuery
from core.schema.spelling import LISTED_AT_MOST, hint


class CheckedQueryRoute(APIRoute):
    """A route that raises InvalidQuery for a parameter that it does not declare.

    Otherwise a misspelt parameter would be ignored silently. A request without a query is not checked.
    """

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        options["responses"] = describe_problems(422) | (options.get("responses") or {})
        super().__init__(path, endpoint, **options)
        described = (self.openapi_extra or {}).get("parameters", ())  # parameters that the route reads itself
        self._known = (
            *parameter_names(self.dependant),
            *(parameter["name"] for parameter in described if parameter["in"] == "query"),
        )

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["query_string"] and scope["method"] in (self.methods or ()):
            check_query(scope["query_string"], self._known)
        await super().handle(scope, receive, send)


def parameter_names(dependant: Dependant) -> Iterator[str]:
    """Yield the names of all query parameters that a route or one of its dependencies declares."""
    yield from (parameter.alias for parameter in dependant.query_params)
    for each in dependant.dependencies:
        yield from parameter_names(each)


def check_query(query: bytes, known: tuple[str, ...]) -> None:
    """Raise InvalidQuery if parameters are not among the `known`; the error names them by their positions."""
    parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    unknown = [(place, name) for place, (name, _) in enumerate(parameters, start=1) if name not in known]
    if unknown:
        raise InvalidQuery(
            errors=tuple(unknown_parameter(place, name, known) for place, name in unknown[:LISTED_AT_MOST]),
            unlisted=len(unknown[LISTED_AT_MOST:]),
        )


def unknown_parameter(place: int, name: str, known: tuple[str, ...]) -> FieldError:
    """Return the error for the unknown parameter at this position of the query, counted from 1."""
    allowed = f"this address takes {', '.join(known)}" if known else "this address takes none"
    message = f"has a parameter, number {place}, that is not known: {allowed}{hint(name, known)}"
    return FieldError(field="query", code="unknown_parameter", message=message)
