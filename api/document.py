"""The OpenAPI document: what FastAPI makes of the routes, and what it cannot know of those that read bodies themselves.

Clients are generated from it, so that each operation has a name of its own and each schema stands in it once.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

REF = "#/components/schemas/{model}"
NEVER_ANSWERED = "HTTPValidationError"
"""FastAPI's own answer to what is not valid, of which it speaks at every route; ours is a problem."""

Schema = dict[str, Any]


def name_operation(route: APIRoute) -> str:
    """Return an operation's name: the tag of its route, and the route's own name, such as `jobs_submit`."""
    return "_".join(map(str, (*route.tags[:1], route.name)))


def refer(model: type[BaseModel]) -> Schema:
    """Return a reference to a model's schema; the model must be among those that `describe` was given."""
    return {"$ref": REF.format(model=model.__name__)}


def header(name: str, description: str) -> Schema:
    """Return what the document says of a header that a route reads itself, and that may be left out."""
    return _parameter(name, "header", {"type": "string"}, description)


def in_query(model: type[BaseModel]) -> list[Schema]:
    """Return what the document says of parameters that a route reads itself: a model's fields, each with a default."""
    return [
        # An empty default is as good as none, and clients would send it.
        _parameter(
            name,
            "query",
            {key: value for key, value in schema.items() if value != ""},
            model.model_fields[name].description or "",
        )
        for name, schema in model.model_json_schema(ref_template=REF)["properties"].items()
    ]


def _parameter(name: str, place: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": place, "required": False, "schema": schema, "description": description}


def describe(app: FastAPI, models: Sequence[type[BaseModel]]) -> None:
    """Have the app's document hold the schemas of these models, and of those that they name, once each."""
    plain = app.openapi

    @cache
    def document() -> Schema:
        made = plain()
        _, found = models_json_schema([(model, "validation") for model in models], ref_template=REF)
        schemas = made["components"]["schemas"] | found["$defs"]
        made["components"]["schemas"] = {
            name: schemas[name] for name in sorted(schemas) if name not in (NEVER_ANSWERED, "ValidationError")
        }
        for responses in _responses_in(made):
            if NEVER_ANSWERED in str(responses.get("422")):
                del responses["422"]
        return made

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI documents it


def _responses_in(document: Schema) -> Iterator[Schema]:
    for operations in document["paths"].values():
        for operation in operations.values():
            yield operation["responses"]
