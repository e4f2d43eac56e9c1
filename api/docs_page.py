"""The OpenAPI document, and the page of FastAPI's own making that tries it out; both are prepared once.

The page loads nothing from elsewhere; its one script within is named by its hash.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import fastapi_offline
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from api.prepared import Prepared

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
    made, making = dict[str, Prepared](), asyncio.Lock()

    async def prepare(name: str, make: Callable[[], Prepared]) -> Prepared:
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


def make_document(app: FastAPI) -> Prepared:
    """Return the document."""
    return Prepared.of(to_json(app.openapi()), "application/json")


def read_file(name: str) -> Prepared:
    """Return one of the files that the page loads."""
    return Prepared.of((FOLDER / name).read_bytes(), LOADED[name])


def make_page(title: str) -> Prepared:
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
    return Prepared.of(content, "text/html; charset=utf-8", {"Content-Security-Policy": policy})
