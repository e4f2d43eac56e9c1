"""A gateway that takes uploads and does nothing else, over a socket of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request

from api.batches.options import Options
from api.batches.upload import Uploads
from api.http.problem import add_problem_handlers
from core.ledger.key import ANYONE
from core.settings import Settings
from core.storage.store import Store
from tests.listening import listening

ID = "01a20707-a62a-767f-a222-f792b4c9d32e"


async def accept(_: Options) -> None:
    """Have nothing against any options."""


def hold(_: bool) -> bool:
    """Hold an upload for as long as it takes."""
    return True


def make_app(uploads: Uploads) -> FastAPI:
    """Return an app that answers an upload with what became of it."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.post("/")
    async def save_upload(request: Request) -> dict[str, Any]:
        return asdict(await uploads.save_upload(ID, request, ANYONE, hold, accept))

    add_problem_handlers(app)
    return app


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[int, Store]]:
    """Serve uploads with these settings; give the port, and the store that they are put in."""
    store = Store.open(settings)
    uploads = Uploads(store, settings)
    try:
        with listening(make_app(uploads)) as port:
            yield port, store
    finally:
        uploads.close()
