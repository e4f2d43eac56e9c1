"""The site: static files, templates, and the context of a request for a page with its caller."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from api.auth.credentials import caller_of
from api.batches.service import Files
from api.gateway import Gateway
from api.pages import words
from core.errors import ForeignForm
from core.ledger.key import Caller
from core.ledger.redis.histograms import Histograms

FOLDER = Path(__file__).parent / "static"
VENDORED = "vendored.json"
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".csv": "text/csv"}
CACHE_FOREVER = "public, max-age=31536000, immutable"  # a file's URL changes with its content
VERSION_CHARACTERS = 12

TEMPLATES = Path(__file__).parent / "templates"
PAGE_HEADERS = {
    # Only our own scripts run, and no other site frames a page; `api.http.security` adds the headers of every response.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",  # for browsers without frame-ancestors
}

TRUSTED_SITES = ("same-origin", "none")  # values of Sec-Fetch-Site: one of our pages, or a URL that the visitor typed


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file: its URL, its media type, and its bytes, plain and gzipped."""

    url: str
    media_type: str
    plain: bytes
    packed: bytes


class Assets:
    """All static files of the pages by their names; their URLs change with their content."""

    def __init__(self, files: dict[str, Asset]) -> None:
        self._files = files
        self._by_url = {asset.url: asset for asset in files.values()}

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Self:
        """Return the files of the folder."""
        return cls({path.name: read_asset(path) for path in folder.iterdir() if path.suffix in MEDIA_TYPES})

    def url(self, name: str) -> str:
        """Return the URL of a file. Raises KeyError if there is no file of that name."""
        return self._files[name].url

    def routes(self) -> APIRouter:
        """Return the route that serves the files."""
        routes = APIRouter(include_in_schema=False)

        @routes.get("/static/{version}/{name}")
        async def serve(request: Request) -> Response:
            asset = self._by_url.get(request.url.path)
            if not asset:
                raise HTTPException(404)
            headers = {"Cache-Control": CACHE_FOREVER, "Vary": "Accept-Encoding"}
            send_packed = "gzip" in request.headers.get("accept-encoding", "")
            if send_packed:
                headers["Content-Encoding"] = "gzip"
            return Response(asset.packed if send_packed else asset.plain, 200, headers, asset.media_type)

        return routes


def read_asset(path: Path) -> Asset:
    """Return the file at this path."""
    plain = path.read_bytes()
    version = sha256(plain).hexdigest()[:VERSION_CHARACTERS]
    return Asset(f"/static/{version}/{path.name}", MEDIA_TYPES[path.suffix], plain, gzip.compress(plain, mtime=0))


def list_vendored() -> dict[str, Any]:
    """Return the source of each vendored file: its npm package, version, licence and SHA-256."""
    listed: dict[str, Any] = json.loads((FOLDER / VENDORED).read_text())
    return listed


class Site:
    """The compiled templates, and the static files that they use. `pages` has the names of the pages by their paths.

    If `keys_required`, each page has a button to leave.
    """

    def __init__(self, pages: Mapping[str, str], *, keys_required: bool) -> None:
        self.assets = Assets.read()
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters |= words.FILTERS
        environment.globals |= {"asset": self.assets.url, "pages": pages, "keys_required": keys_required}
        self._templates = {name: environment.get_template(name) for name in environment.list_templates()}

    def render(self, template: str, **values: Any) -> str:
        """Return the template rendered with the values."""
        return self._templates[template].render(values)

    def render_page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return the response with the rendered page."""
        return Response(self.render(template, **values), status, PAGE_HEADERS, "text/html")


@dataclass(frozen=True, slots=True)
class PageContext:
    """One request for a page, with its caller and the services that pages use."""

    request: Request
    by: Caller
    gateway: Gateway
    files: Files | None
    histograms: Histograms | None
    site: Site

    @property
    def is_htmx(self) -> bool:
        """Whether htmx sent the request; it uses only a part of the page."""
        return "hx-request" in self.request.headers

    @property
    def origin(self) -> str:
        """The scheme, host and port by which the visitor reaches the gateway."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    def render_page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return the response with the rendered page; the template also gets the path."""
        return self.site.render_page(template, status, path=self.request.url.path, **values)

    def redirect_to(self, path: str) -> Response:
        """Return the redirect to another page, with or without htmx."""
        if self.is_htmx:
            return Response(status_code=204, headers={"HX-Redirect": path})
        return RedirectResponse(path, 303)


async def page_context_of(request: Request) -> PageContext:
    """Return the context of a request. Raises ForeignForm for a form that a page of another site sent.

    A browser sends cookies with such a form, too, but its `Sec-Fetch-Site` reveals the other site.
    """
    from_site = request.headers.get("sec-fetch-site", "none")
    if request.method == "POST" and from_site not in TRUSTED_SITES:
        raise ForeignForm
    state = request.app.state
    files, histograms = getattr(state, "files", None), getattr(state, "histograms", None)
    return PageContext(request, caller_of(request), state.gateway, files, histograms, state.site)


CurrentPage = Annotated[PageContext, Depends(page_context_of)]
"""A page route's parameter that receives the context."""
