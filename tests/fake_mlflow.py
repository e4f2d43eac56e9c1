"""A stand-in for MLflow: the calls of its REST API that we make, over a real socket, kept in memory.

It answers as MLflow 3.17 was seen to. What it was told is in `runs`, `versions`, `aliases` and `artifacts`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"


class FakeMlflow:
    """Answers each call of the API as the real one does, and keeps what it was told."""

    def __init__(self) -> None:
        self.url = ""
        self.experiments: list[str] = []
        self.models: list[str] = []
        self.runs: list[dict[str, Any]] = []
        self.versions: list[dict[str, Any]] = []
        self.aliases: dict[str, str] = {}
        self.artifacts: dict[str, bytes] = {}

    def answer(self, call: str, sent: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to one call, or None for an alias that there is not."""
        if call == "experiments/search":
            return {"experiments": [{"experiment_id": "1"}]} if self.experiments else {}
        if call == "experiments/create":
            self.experiments.append(sent["name"])
            return {"experiment_id": "1"}
        if call == "runs/create":
            self.runs.append(sent)
            run = str(len(self.runs))
            return {"run": {"info": {"run_id": run, "artifact_uri": f"mlflow-artifacts:/1/{run}/artifacts"}}}
        if call in ("runs/log-batch", "runs/update"):
            self.runs[int(sent["run_id"]) - 1] |= sent
            return {}
        return self.answer_registry(call, sent)

    def answer_registry(self, call: str, sent: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to one call of the registry, or None for an alias that there is not."""
        if call == "registered-models/search":
            return {"registered_models": [{"name": name} for name in self.models]} if self.models else {}
        if call == "registered-models/create":
            self.models.append(sent["name"])
            return {}
        if call == "model-versions/create":
            self.versions.append(sent | {"version": str(len(self.versions) + 1)})
            return {"model_version": self.versions[-1]}
        if call == "model-versions/get-download-uri":
            return {"artifact_uri": self.versions[int(sent["version"]) - 1]["source"]}
        if "version" in sent:
            self.aliases[sent["alias"]] = sent["version"]
            return {}
        version = self.aliases.get(sent["alias"])
        return {"model_version": self.versions[int(version) - 1]} if version else None


class Handler(BaseHTTPRequestHandler):
    """Passes each request on to the stand-in that its server serves."""

    server: "Server"

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path == "/health":
            self.reply(200, b"OK")
        elif path.path.startswith(ARTIFACTS):
            content = self.server.fake.artifacts.get(path.path.removeprefix(ARTIFACTS))
            self.reply(404 if content is None else 200, content or b"")
        else:
            self.reply_to(path.path, dict(parse_qsl(path.query)))

    def do_POST(self) -> None:
        self.reply_to(self.path, json.loads(self.body()))

    def do_PUT(self) -> None:
        self.server.fake.artifacts[self.path.removeprefix(ARTIFACTS)] = self.body()
        self.reply(200, b"{}")

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def reply_to(self, path: str, sent: dict[str, Any]) -> None:
        answer = self.server.fake.answer(path.removeprefix("/api/2.0/mlflow/"), sent)
        if answer is None:
            self.reply(400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "alias not found."}')
        else:
            self.reply(200, json.dumps(answer).encode())

    def reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Serves one stand-in on a free port."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fake = FakeMlflow()
        self.fake.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def fake_mlflow() -> Iterator[FakeMlflow]:
    """Serve a stand-in, at its `url`, until the block ends."""
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.fake
        finally:
            server.shutdown()
            thread.join()
