"""The site: what every page of one process is made with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.pages import words
from api.pages.assets import Assets

TEMPLATES = Path(__file__).parent / "templates"
HEADERS = {
    # Nothing that is not ours runs, loads or frames a page; `api.guard` adds what every answer says.
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
