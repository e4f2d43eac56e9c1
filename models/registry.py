"""The registry: the released bundle in an MLflow server, reached over its REST API.

The MLflow package is not needed for this, and would install ninety packages. It also rewrites an ONNX model that it
logs, to other bytes; here the file in the registry is the released file. Source of the calls:
https://mlflow.org/docs/latest/api_reference/rest-api.html.
"""

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import httpx2

from core.errors import BrokenBundle, OperatorError
from models.bundle import FILES, read_bundle
from models.card import Card
from models.load_check import Trial

NAME, ALIAS = "scoreline", "champion"
"""The registered model, and the alias of the version that is released."""

DEFAULT_URI = "http://127.0.0.1:5000"
"""The URL at which `make mlflow` serves."""

_API, _ARTIFACTS, _SCHEME = "/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/artifacts/", "mlflow-artifacts:/"
_ANSWERED_WITHIN_S = 30


class NoMlflow(OperatorError):
    """MLflow does not answer, or refuses: start it with `make mlflow`, or name it in MLFLOW_TRACKING_URI."""

    code: ClassVar[str] = "no-mlflow"


class Mlflow:
    """An MLflow server at `uri`, by default `MLFLOW_TRACKING_URI`. Every method may raise NoMlflow."""

    def __init__(self, uri: str | None = None) -> None:
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
        if not self.uri.startswith(("http://", "https://")):
            raise NoMlflow(f"MLFLOW_TRACKING_URI must be the http:// or https:// URL of a server, and is {self.uri}.")

    def call(self, method: str, call: str, **sent: Any) -> dict[str, Any]:
        """Return the server's answer to a call of its API; `sent` is the body, or the query of a GET."""
        content: dict[str, Any] = {"params": sent} if method == "GET" else {"json": sent}
        answer: dict[str, Any] = self._ask(method, _API + call, **content).json()
        return answer

    def put(self, uri: str, content: bytes) -> None:
        """Write an artifact."""
        self._ask("PUT", _path(uri), content=content)

    def get(self, uri: str) -> bytes:
        """Return an artifact."""
        return self._ask("GET", _path(uri)).content

    def check(self) -> None:
        """Raise NoMlflow unless the server answers at once."""
        self._ask("GET", "/health", timeout=2)

    def _ask(self, method: str, path: str, timeout: float = _ANSWERED_WITHIN_S, **content: Any) -> httpx2.Response:
        try:
            answer = httpx2.request(method, self.uri.rstrip("/") + path, timeout=timeout, **content)
            answer.raise_for_status()
        except httpx2.HTTPStatusError as error:
            text = error.response.text.strip()[:200]
            raise NoMlflow(f"MLflow at {self.uri} answers {error.response.status_code} to {path}: {text}") from None
        except httpx2.HTTPError as error:
            raise NoMlflow(
                f"MLflow at {self.uri} does not answer ({type(error).__name__}): start it with `make mlflow`, or name "
                "it in MLFLOW_TRACKING_URI."
            ) from None
        return answer


def fetch(server: Mlflow, folder: Path, name: str = NAME, alias: str = ALIAS) -> Card:
    """Download the bundle of the version with this alias into `folder`; return its card.

    Raises NoMlflow, or BrokenBundle if a file is not the one that was registered, or if a worker of this version of
    Scoreline would refuse the bundle; then `folder` is unchanged.
    """
    version = server.call("GET", "registered-models/alias", name=name, alias=alias)["model_version"]
    where = server.call("GET", "model-versions/get-download-uri", name=name, version=version["version"])["artifact_uri"]
    hashes = {tag["key"]: tag["value"] for tag in version.get("tags", [])}
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as staging:
        made = Path(staging)
        for file in FILES:
            registered = hashes.get(hash_tag(file))
            content = server.get(f"{where}/{file}") if registered else b""
            if hashlib.sha256(content).hexdigest() != registered:
                wrong = "is not the one that was registered" if registered else "was not registered with it"
                raise BrokenBundle(
                    f"{file} of {name} version {version['version']} in MLflow {wrong}; {folder} is as it was. Run "
                    "`make train` with MLflow running to register the bundle anew."
                )
            (made / file).write_bytes(content)
        bundle = read_bundle(made)
        Trial(made).passed()
        for file in FILES:
            (made / file).replace(folder / file)
    return bundle.card


def hash_tag(file: str) -> str:
    """Return the name of the tag, of a registered version, that holds a file's SHA-256."""
    return f"sha256.{file}"


def _path(uri: str) -> str:
    if not uri.startswith(_SCHEME):
        raise NoMlflow(f"MLflow keeps artifacts at {uri}: start it with --serve-artifacts, as `make mlflow` does.")
    return _ARTIFACTS + uri.removeprefix(_SCHEME).lstrip("/")
