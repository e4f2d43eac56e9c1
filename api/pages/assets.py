"""Assets: the style sheets, scripts and samples that pages name, read once and told apart by their content."""

import gzip
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

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
