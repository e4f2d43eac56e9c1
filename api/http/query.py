"""What may be asked in a query: a parameter that a route does not know is refused, and its text is not repeated."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.http.problem import answers
from core.errors import FieldError, InvalidQuery
from core.schema.spelling import LISTED_AT_MOST, hint


class CheckedQueryRoute(APIRoute):
    """A route that raises InvalidQuery for a parameter that it does not declare; one without a query pays nothing.

    A misspelt parameter would be ignored otherwise, and what it asks for not done.
    """

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        options["responses"] = answers(422) | (options.get("responses") or {})
        super().__init__(path, endpoint, **options)
        read = (self.openapi_extra or {}).get("parameters", ())  # what the route reads itself
        self._known = (*names_in(self.dependant), *(one["name"] for one in read if one["in"] == "query"))

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["query_string"] and scope["method"] in (self.methods or ()):
            check_query(scope["query_string"], self._known)
        await super().handle(scope, receive, send)


def names_in(dependant: Dependant) -> Iterator[str]:
    """Yield the names of all parameters of the query that a route, or what it depends on, declares."""
    yield from (parameter.alias for parameter in dependant.query_params)
    for each in dependant.dependencies:
        yield from names_in(each)


def check_query(query: bytes, known: tuple[str, ...]) -> None:
    """Raise InvalidQuery that says which of its parameters, by their places, are none of the `known`."""
    sent = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    unknown = [(place, name) for place, (name, _) in enumerate(sent, start=1) if name not in known]
    if unknown:
        raise InvalidQuery(
            errors=tuple(unknown_parameter(place, name, known) for place, name in unknown[:LISTED_AT_MOST]),
            unlisted=len(unknown[LISTED_AT_MOST:]),
        )


def unknown_parameter(place: int, name: str, known: tuple[str, ...]) -> FieldError:
    """Return what is wrong with the parameter at this place of the query."""
    there_are = f"this address takes {', '.join(known)}" if known else "this address takes none"
    message = f"has a parameter, number {place}, that is not known: {there_are}{hint(name, known)}"
    return FieldError(field="query", code="unknown_parameter", message=message)
