"""Adds the pages to the gateway, and shows problems as pages to browsers."""

from functools import partial
from http import HTTPStatus

from fastapi import FastAPI, Response
from starlette.datastructures import Headers
from starlette.types import Scope

from api.http.problem import ProblemResponse, RenderProblem
from api.pages import batches, home, jobs, login, model, system
from api.pages.login import send_to_login
from api.pages.site import Site

FOR_PROGRAMS = ("/v1/", "/api/", "/health/", "/openapi.json")


def include_pages(app: FastAPI, *, with_files: bool, with_model: bool, keys_required: bool) -> RenderProblem:
    """Add the pages to the app, and return the function that renders problems.

    The pages of batches, of the model and of the login are added `with_files`, `with_model`, and if `keys_required`.
    """
    routers = {"Score": home.routes, "Jobs": jobs.routes}
    routers |= {"Batches": batches.routes} if with_files else {}
    routers |= {"Model": model.routes, "Drift": model.drift_routes} if with_model else {}
    routers |= {"System": system.routes}
    pages = {f"/{name.lower()}" if name != "Score" else "/": name for name in routers}
    app.state.site = site = Site(pages, keys_required=keys_required)
    for routes in (site.assets.routes(), *routers.values(), *([login.routes] if keys_required else [])):
        app.include_router(routes)
    return make_renderer(site)


def make_renderer(site: Site) -> RenderProblem:
    """Return the function that renders a problem as a page for browsers."""
    return partial(render_problem, site)


def render_problem(site: Site, scope: Scope, response: ProblemResponse) -> Response:
    """Return the problem itself for a program; for a browser a page, or for 401 the redirect to the login page."""
    if not wants_page(scope):
        return response
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        return send_to_login(scope)
    page = site.render_page("problem.html", response.status_code, problem=response.problem, path="")
    if retry_after := response.headers.get("retry-after"):
        page.headers["Retry-After"] = retry_after
    if Headers(scope=scope).get("hx-target") == "patient":  # show the problem beside the form
        page.headers.update({"HX-Retarget": "#patient .aside", "HX-Reselect": "#problem", "HX-Reswap": "innerHTML"})
    return page


def wants_page(scope: Scope) -> bool:
    """Whether the request comes from a page or from htmx in a page."""
    headers, path = Headers(scope=scope), f"{scope['path']}/"
    return not path.startswith(FOR_PROGRAMS) and ("text/html" in headers.get("accept", "") or "hx-request" in headers)
