"""The OpenAPI document: FastAPI's own, plus the bodies and parameters that routes read themselves; and the page /docs.

Clients are generated from the document, so each operation has a unique name and each schema is in it once.

The page loads nothing from another server; the Content-Security-Policy allows its one inline script by its hash.
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
"""FastAPI's schema for a validation error, which it adds to every route; the gateway answers a problem instead."""

Schema = dict[str, Any]

DOCUMENT_PATH = "/openapi.json"
DOCS_PATH, DOCS_FOLDER = "/static-offline-docs", Path(fastapi_offline.__file__).parent / "static"
DOCS_FILES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
READ_METHODS = ["GET", "HEAD"]


def name_operation(route: APIRoute) -> str:
    """Return the operation id of a route: its tag and its name, such as `jobs_submit`."""
    return "_".join(map(str, (*route.tags[:1], route.name)))


def refer_to(model: type[BaseModel]) -> Schema:
    """Return a reference to a model's schema; the model must be passed to `add_schemas`."""
    return {"$ref": REF.format(model=model.__name__)}


def describe_header(name: str, description: str) -> Schema:
    """Return the OpenAPI parameter for an optional header that a route reads itself."""
    return _parameter(name, "header", {"type": "string"}, description)


def describe_query(model: type[BaseModel]) -> list[Schema]:
    """Return the OpenAPI parameters for a query that a route reads itself: one for each field of the model."""
    return [
        # An empty default means none; generated clients would send it.
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


def add_schemas(app: FastAPI, models: Sequence[type[BaseModel]]) -> None:
    """Add the schemas of these models, and of the models they refer to, to the app's document, once each."""
    generate = app.openapi

    @cache
    def document() -> Schema:
        generated = generate()
        _, wanted = models_json_schema([(model, "validation") for model in models], ref_template=REF)
        schemas = generated["components"]["schemas"] | wanted["$defs"]
        generated["components"]["schemas"] = {
            name: schemas[name] for name in sorted(schemas) if name not in (NEVER_ANSWERED, "ValidationError")
        }
        for responses in _responses_in(generated):
            if NEVER_ANSWERED in str(responses.get("422")):
                del responses["422"]
        return generated

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI documents it


def _responses_in(document: Schema) -> Iterator[Schema]:
    for operations in document["paths"].values():
        for operation in operations.values():
            yield operation["responses"]


def include_docs(app: FastAPI) -> None:
    """Serve the document at /openapi.json, the page at /docs, and the files that the page loads."""
    prepared, preparing = dict[str, PreparedResponse](), asyncio.Lock()

    async def prepare(name: str, make: Callable[[], PreparedResponse]) -> PreparedResponse:
        async with preparing:
            if name not in prepared:  # in a thread, since to make the document takes half a second
                prepared[name] = await run_sync(make)
        return prepared[name]

    @app.api_route("/docs", methods=READ_METHODS, include_in_schema=False)
    async def docs(request: Request) -> Response:
        return (await prepare("page", lambda: make_page(app.title))).respond(request)

    @app.api_route(DOCUMENT_PATH, methods=READ_METHODS, include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return (await prepare("document", lambda: make_document(app))).respond(request)

    @app.api_route(f"{DOCS_PATH}/{{name}}", methods=READ_METHODS, include_in_schema=False)
    async def docs_file(name: str, request: Request) -> Response:
        if name not in DOCS_FILES:
            raise HTTPException(404)
        return (await prepare(name, lambda: read_file(name))).respond(request)


def make_document(app: FastAPI) -> PreparedResponse:
    """Return the response with the document."""
    return PreparedResponse.of(to_json(app.openapi()), "application/json")


def read_file(name: str) -> PreparedResponse:
    """Return the response with one of the files that the page loads."""
    return PreparedResponse.of((DOCS_FOLDER / name).read_bytes(), DOCS_FILES[name])


def make_page(title: str) -> PreparedResponse:
    """Return the response with the page."""
    page = get_swagger_ui_html(
        openapi_url=DOCUMENT_PATH,
        title=f"{title} - Swagger UI",
        swagger_js_url=f"{DOCS_PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{DOCS_PATH}/swagger-ui.css",
        swagger_favicon_url=f"{DOCS_PATH}/favicon.png",
    )
    content = bytes(page.body)
    scripts = re.findall(rb"<script>(.*?)</script>", content, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(sha256(script).digest()).decode()}'" for script in scripts]
    policy = (
        f"default-src 'none'; script-src 'self' {' '.join(hashes)}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return PreparedResponse.of(content, "text/html; charset=utf-8", {"Content-Security-Policy": policy})
