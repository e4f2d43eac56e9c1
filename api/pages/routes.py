"""Puts the pages into the gateway."""

from fastapi import FastAPI

from api.pages import batches, door, drift, home, jobs, model, system
from api.pages.problems import make_show
from api.pages.site import Site
from api.problem import Show


def include_pages(app: FastAPI, *, takes_files: bool, knows_model: bool, asks_for_keys: bool) -> Show:
    """Have the app serve the pages, those of files, of the model and of the door where it has them.

    Return what shows problems.
    """
    routers = {"Score": home.routes, "Jobs": jobs.routes}
    routers |= {"Batches": batches.routes} if takes_files else {}
    routers |= {"Model": model.routes, "Drift": drift.routes} if knows_model else {}
    routers |= {"System": system.routes}
    named = {f"/{name.lower()}" if name != "Score" else "/": name for name in routers}
    app.state.site = site = Site(named, asks_for_keys=asks_for_keys)
    for routes in (site.assets.routes(), *routers.values(), *([door.routes] if asks_for_keys else [])):
        app.include_router(routes)
    return make_show(site)
