"""What every page of one process is made with, and who asks for it. The one place where pages learn who it is."""

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
LIST = "vendored.json"
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".csv": "text/csv"}
FOR_GOOD = "public, max-age=31536000, immutable"  # another content has another address
VERSION_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: where it is served, as what, and its bytes as they are and packed."""

    url: str
    media_type: str
    plain: bytes
    packed: bytes


class Assets:
    """All files of the pages by their names; their addresses change with their content."""

    def __init__(self, files: dict[str, Asset]) -> None:
        self._files = files
        self._by_url = {asset.url: asset for asset in files.values()}

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Self:
        """Return the files of the folder."""
        return cls({path.name: read_asset(path) for path in folder.iterdir() if path.suffix in MEDIA_TYPES})

    def url(self, name: str) -> str:
        """Return the address of a file. Raises KeyError if there is none of that name."""
        return self._files[name].url

    def routes(self) -> APIRouter:
        """Return the route that serves them."""
        routes = APIRouter(include_in_schema=False)

        @routes.get("/static/{version}/{name}")
        async def serve(request: Request) -> Response:
            asset = self._by_url.get(request.url.path)
            if not asset:
                raise HTTPException(404)
            headers = {"Cache-Control": FOR_GOOD, "Vary": "Accept-Encoding"}
            packs = "gzip" in request.headers.get("accept-encoding", "")
            if packs:
                headers["Content-Encoding"] = "gzip"
            return Response(asset.packed if packs else asset.plain, 200, headers, asset.media_type)

        return routes


def read_asset(path: Path) -> Asset:
    """Return the file at this path."""
    plain = path.read_bytes()
    version = sha256(plain).hexdigest()[:VERSION_CHARACTERS]
    return Asset(f"/static/{version}/{path.name}", MEDIA_TYPES[path.suffix], plain, gzip.compress(plain, mtime=0))


def list_vendored() -> dict[str, Any]:
    """Return where each file that is not ours comes from: its package on npm, version, licence and SHA-256."""
    listed: dict[str, Any] = json.loads((FOLDER / LIST).read_text())
    return listed


TEMPLATES = Path(__file__).parent / "templates"
HEADERS = {
    # Nothing that is not ours runs, loads or frames a page; `api.http.security` adds what every answer says.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",  # to browsers that know no frame-ancestors
}


class Site:
    """The templates, compiled when it is made, and the files that they name. `pages` are what there is, by path.

    Where it `asks_for_keys`, each page has a way to leave.
    """

    def __init__(self, pages: Mapping[str, str], *, asks_for_keys: bool) -> None:
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
        environment.globals |= {"asset": self.assets.url, "pages": pages, "asks_for_keys": asks_for_keys}
        self._templates = {name: environment.get_template(name) for name in environment.list_templates()}

    def write(self, template: str, **told: Any) -> str:
        """Return what a template makes of what it is told."""
        return self._templates[template].render(told)

    def page(self, template: str, status: int = 200, **told: Any) -> Response:
        """Return the answer that is a page."""
        return Response(self.write(template, **told), status, HEADERS, "text/html")


OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site: a page of ours, or what the visitor typed


@dataclass(frozen=True, slots=True)
class PageContext:
    """One request for a page, and who sent it."""

    request: Request
    by: Caller
    gateway: Gateway
    files: Files | None
    histograms: Histograms | None
    site: Site

    @property
    def scripted(self) -> bool:
        """Whether htmx asks, and takes what it needs out of the page."""
        return "hx-request" in self.request.headers

    @property
    def origin(self) -> str:
        """Where the visitor reaches the gateway: scheme, host and port."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    def page(self, template: str, status: int = 200, **told: Any) -> Response:
        """Return the answer that is a page; the template is also told the path."""
        return self.site.page(template, status, path=self.request.url.path, **told)

    def send_to(self, path: str) -> Response:
        """Return the answer that has the browser go to another page, with or without htmx."""
        if self.scripted:
            return Response(status_code=204, headers={"HX-Redirect": path})
        return RedirectResponse(path, 303)


async def page_context_of(request: Request) -> PageContext:
    """Return the visit that a request is. Raises ForeignForm for a form that a page of another site sent.

    A browser sends what it knows of a visitor with such a form, too, and says where it comes from.
    """
    from_site = request.headers.get("sec-fetch-site", "none")
    if request.method == "POST" and from_site not in OWN_SITES:
        raise ForeignForm
    state = request.app.state
    files, histograms = getattr(state, "files", None), getattr(state, "histograms", None)
    return PageContext(request, caller_of(request), state.gateway, files, histograms, state.site)


CurrentPage = Annotated[PageContext, Depends(page_context_of)]
"""A page's parameter that is given the visit."""
