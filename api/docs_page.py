"""The page that tries the interface out, of FastAPI's own making; its one script within is named by its hash."""

import base64
import re
from hashlib import sha256

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html

FILES = "/static-offline-docs"  # where fastapi-offline serves what the page loads


def include_docs(app: FastAPI) -> None:
    """Have the app serve the page at /docs; it loads nothing from elsewhere."""
    page = get_swagger_ui_html(
        openapi_url=str(app.openapi_url),
        title=f"{app.title} - Swagger UI",
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon.png",
    )
    scripts = re.findall(rb"<script>(.*?)</script>", page.body, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(sha256(script).digest()).decode()}'" for script in scripts]
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' {' '.join(hashes)}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return page
