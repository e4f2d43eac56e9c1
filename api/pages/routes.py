"""Puts the pages into the gateway, and shows a visitor what a program is answered as problem+json."""

from functools import partial
from http import HTTPStatus

from fastapi import FastAPI, Response
from starlette.datastructures import Headers
from starlette.types import Scope

from api.http.problem import ProblemResponse, RenderProblem
from api.pages import batches, home, jobs, login, model, system
from api.pages.login import send_to_login
from api.pages.site import Site


def include_pages(app: FastAPI, *, takes_files: bool, knows_model: bool, asks_for_keys: bool) -> RenderProblem:
    """Have the app serve the pages, those of files, of the model and of the door where it has them.

    Return what shows problems.
    """
    routers = {"Score": home.routes, "Jobs": jobs.routes}
    routers |= {"Batches": batches.routes} if takes_files else {}
    routers |= {"Model": model.routes, "Drift": model.drift_routes} if knows_model else {}
    routers |= {"System": system.routes}
    named = {f"/{name.lower()}" if name != "Score" else "/": name for name in routers}
    app.state.site = site = Site(named, asks_for_keys=asks_for_keys)
    for routes in (site.assets.routes(), *routers.values(), *([login.routes] if asks_for_keys else [])):
        app.include_router(routes)
    return make_show(site)


FOR_PROGRAMS = ("/v1/", "/api/", "/health/", "/openapi.json")


def make_show(site: Site) -> RenderProblem:
    """Return what shows a problem as a page to those who look at pages."""
    return partial(show, site)


def show(site: Site, scope: Scope, told: ProblemResponse) -> Response:
    """Return the page that tells of a problem, or leads to where a key is entered; to a program the problem itself."""
    if not looks_at_pages(scope):
        return told
    if told.status_code == HTTPStatus.UNAUTHORIZED:
        return send_to_login(scope)
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
