"""The OpenAPI document: what FastAPI makes of the routes, what it cannot know of bodies, and the page to try it.

Clients are generated from it, so that each operation has a name of its own and each schema stands in it once.

The page loads nothing from elsewhere; its one script within is named by its hash.
"""

import asyncio
import base64
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import fastapi_offline
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from api.http.responses import PreparedResponse

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


DOCUMENT = "/openapi.json"
FILES, FOLDER = "/static-offline-docs", Path(fastapi_offline.__file__).parent / "static"
LOADED = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
READ = ["GET", "HEAD"]


def include_docs(app: FastAPI) -> None:
    """Have the app serve its document at /openapi.json and the page at /docs, with what that loads."""
    made, making = dict[str, PreparedResponse](), asyncio.Lock()

    async def prepare(name: str, make: Callable[[], PreparedResponse]) -> PreparedResponse:
        async with making:
            if name not in made:  # in a thread, since the document takes half a second
                made[name] = await run_sync(make)
        return made[name]

    @app.api_route("/docs", methods=READ, include_in_schema=False)
    async def docs(request: Request) -> Response:
        return (await prepare("page", lambda: make_page(app.title))).answer(request)

    @app.api_route(DOCUMENT, methods=READ, include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return (await prepare("document", lambda: make_document(app))).answer(request)

    @app.api_route(f"{FILES}/{{name}}", methods=READ, include_in_schema=False)
    async def loaded(name: str, request: Request) -> Response:
        if name not in LOADED:
            raise HTTPException(404)
        return (await prepare(name, lambda: read_file(name))).answer(request)


def make_document(app: FastAPI) -> PreparedResponse:
    """Return the document."""
    return PreparedResponse.of(to_json(app.openapi()), "application/json")


def read_file(name: str) -> PreparedResponse:
    """Return one of the files that the page loads."""
    return PreparedResponse.of((FOLDER / name).read_bytes(), LOADED[name])


def make_page(title: str) -> PreparedResponse:
    """Return the page."""
    page = get_swagger_ui_html(
        openapi_url=DOCUMENT,
        title=f"{title} - Swagger UI",
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon.png",
    )
    content = bytes(page.body)
    scripts = re.findall(rb"<script>(.*?)</script>", content, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(sha256(script).digest()).decode()}'" for script in scripts]
    policy = (
        f"default-src 'none'; script-src 'self' {' '.join(hashes)}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return PreparedResponse.of(content, "text/html; charset=utf-8", {"Content-Security-Policy": policy})
