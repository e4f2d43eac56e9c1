"""Puts the pages into the gateway."""

from fastapi import FastAPI

from api.pages import batches, drift, home, jobs, model, system
from api.pages.problems import make_show
from api.pages.site import Site
from api.problem import Show


def include_pages(app: FastAPI, *, takes_files: bool, knows_model: bool) -> Show:
    """Have the app serve the pages, those of files and of the model where it has them; return what shows problems."""
    routers = {"Score": home.routes, "Jobs": jobs.routes}
    routers |= {"Batches": batches.routes} if takes_files else {}
    routers |= {"Model": model.routes, "Drift": drift.routes} if knows_model else {}
    routers |= {"System": system.routes}
    app.state.site = site = Site({f"/{name.lower()}" if name != "Score" else "/": name for name in routers})
    for routes in (site.assets.routes(), *routers.values()):
        app.include_router(routes)
    return make_show(site)
