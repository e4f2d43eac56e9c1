"""The OpenAPI document, and the page of FastAPI's own making that tries it out; both are prepared once.

The page loads nothing from elsewhere; its one script within is named by its hash.
"""

import asyncio
import base64
import re
from hashlib import sha256
from pathlib import Path

import fastapi_offline
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from pydantic_core import to_json

from api.prepared import Prepared

DOCUMENT = "/openapi.json"
FILES = "/static-offline-docs"
READ = ["GET", "HEAD"]


def include_docs(app: FastAPI) -> None:
    """Have the app serve its document at /openapi.json and the page at /docs, with what that loads."""
    app.mount(FILES, StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))
    page, making = make_page(app.title), asyncio.Lock()
    document: Prepared | None = None

    @app.api_route("/docs", methods=READ, include_in_schema=False)
    async def docs(request: Request) -> Response:
        return page.answer(request)

    @app.api_route(DOCUMENT, methods=READ, include_in_schema=False)
    async def openapi(request: Request) -> Response:
        nonlocal document
        async with making:
            if document is None:  # made in a thread, since it takes half a second
                document = await run_sync(lambda: Prepared.of(to_json(app.openapi()), "application/json"))
        return document.answer(request)


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
