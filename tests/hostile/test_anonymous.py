"""What anyone may ask for without a key costs little, however often they do."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from api.http.openapi import DOCS_FILES
from bench.local.conditions import wait_until
from bench.local.programs import free_port, responds, running
from monitoring.processes import USER_TIME, read_stat

ASKED = 400
TIMES_THE_LEAST = 3
LEAST = "/health/live"
PREPARED = ("/openapi.json", "/docs")
LARGE = "/static-offline-docs/swagger-ui-bundle.js"
TIMES_THE_LEAST_FOR_LARGE = 10  # 1.5 MB, in two dozen pieces


class Gateway(NamedTuple):
    """A gateway that asks for keys: its URL and its process."""

    url: str
    pid: int

    def cost_of(self, path: str) -> int:
        """Return the ticks of processor time that the gateway takes to answer GETs of the path, after the first."""
        with httpx2.Client(base_url=self.url) as client:
            client.get(path)
            before = self._ticks()
            for _ in range(ASKED):
                client.get(path)
            return self._ticks() - before

    def _ticks(self) -> int:
        return sum(map(int, read_stat(self.pid)[USER_TIME : USER_TIME + 2]))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway, whose Redis is away: what is open to all needs none."""
    folder: Path = tmp_path_factory.mktemp("anonymous")
    port = str(free_port())
    variables = {
        "SCORELINE_API_PORT": port,
        "SCORELINE_API_KEYS": "required",
        "SCORELINE_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "SCORELINE_VAR": str(folder),
    }
    with running("api", log=folder / "api.log", **variables) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{url}{LEAST}"), within_s=30, what="the gateway to answer")
        yield Gateway(url, process.pid)


@pytest.mark.parametrize("path", PREPARED)
def test_what_is_open_to_all_costs_hardly_more_than_an_answer_at_all(gateway: Gateway, path: str) -> None:
    assert gateway.cost_of(path) <= TIMES_THE_LEAST * gateway.cost_of(LEAST)


def test_the_largest_of_it_costs_no_more_than_to_send_it(gateway: Gateway) -> None:
    assert gateway.cost_of(LARGE) <= TIMES_THE_LEAST_FOR_LARGE * gateway.cost_of(LEAST)


@pytest.mark.parametrize("path", [*PREPARED, LARGE])
def test_who_has_it_already_is_sent_none_of_it(gateway: Gateway, path: str) -> None:
    first = httpx2.get(f"{gateway.url}{path}")
    assert first.headers["Cache-Control"] == "no-cache"
    for known in (first.headers["ETag"], f'"other", {first.headers["ETag"]}', "*"):
        again = httpx2.get(f"{gateway.url}{path}", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert httpx2.get(f"{gateway.url}{path}", headers={"If-None-Match": 'W/"other"'}).content == first.content
    asked = httpx2.head(f"{gateway.url}{path}")
    assert (asked.status_code, asked.content, asked.headers["ETag"]) == (200, b"", first.headers["ETag"])


@pytest.mark.parametrize("path", [*PREPARED, LARGE])
def test_it_is_packed_for_who_takes_it_so(gateway: Gateway, path: str) -> None:
    plain = httpx2.get(f"{gateway.url}{path}", headers={"Accept-Encoding": "identity"})
    with httpx2.stream("GET", f"{gateway.url}{path}", headers={"Accept-Encoding": "gzip"}) as packed:
        sent = b"".join(packed.iter_raw())
    assert gzip.decompress(sent) == plain.content
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_the_document_and_its_page_are_what_they_were(gateway: Gateway) -> None:
    document = json.loads(httpx2.get(f"{gateway.url}/openapi.json").content)
    assert document["info"]["title"] == "Scoreline"
    page = httpx2.get(f"{gateway.url}/docs")
    assert "url: '/openapi.json'" in page.text
    assert "sha256-" in page.headers["Content-Security-Policy"]
    for name, media_type in DOCS_FILES.items():
        loaded = httpx2.get(f"{gateway.url}/static-offline-docs/{name}")
        assert (loaded.status_code, loaded.headers["Content-Type"]) == (200, media_type)
        assert name in page.text
    for name in ("redoc.standalone.js", "..%2fcore.py", "none"):
        assert httpx2.get(f"{gateway.url}/static-offline-docs/{name}").status_code == 404


def test_metrics_are_not_for_everyone(gateway: Gateway) -> None:
    assert httpx2.get(f"{gateway.url}/metrics").status_code == 401
