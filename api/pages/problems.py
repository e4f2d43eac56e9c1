"""Problems in words: what a visitor sees where a program is answered problem+json."""

from functools import partial
from http import HTTPStatus

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import Scope

from api.pages.door import send_to_door
from api.pages.site import Site
from api.problem import Show, Told

FOR_PROGRAMS = ("/v1/", "/api/", "/health/", "/openapi.json")


def make_show(site: Site) -> Show:
    """Return what shows a problem as a page to those who look at pages."""
    return partial(show, site)


def show(site: Site, scope: Scope, told: Told) -> Response:
    """Return the page that tells of a problem, or leads to where a key is entered; to a program the problem itself."""
    if not looks_at_pages(scope):
        return told
    if told.status_code == HTTPStatus.UNAUTHORIZED:
        return send_to_door(scope)
    page = site.page("problem.html", told.status_code, problem=told.problem, path="")
    if wait := told.headers.get("retry-after"):
        page.headers["Retry-After"] = wait
    if Headers(scope=scope).get("hx-target") == "patient":  # what was entered stays, and the problem stands beside it
        page.headers.update({"HX-Retarget": "#patient .aside", "HX-Reselect": "#problem", "HX-Reswap": "innerHTML"})
    return page


def looks_at_pages(scope: Scope) -> bool:
    """Whether a browser shows what is answered, be it for htmx."""
    headers, path = Headers(scope=scope), f"{scope['path']}/"
    return not path.startswith(FOR_PROGRAMS) and ("text/html" in headers.get("accept", "") or "hx-request" in headers)
