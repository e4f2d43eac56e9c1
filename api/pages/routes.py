"""Puts the pages into the gateway."""

from fastapi import FastAPI

from api.pages import batches, home, jobs, system
from api.pages.problems import make_show
from api.pages.site import Site
from api.problem import Show


def include_pages(app: FastAPI, *, takes_files: bool) -> Show:
    """Have the app serve the pages, with those for files where it takes them; return what shows its problems."""
    app.state.site = site = Site(takes_files=takes_files)
    for routes in (site.assets.routes(), home.routes, jobs.routes, system.routes):
        app.include_router(routes)
    if takes_files:
        app.include_router(batches.routes)
    return make_show(site)
