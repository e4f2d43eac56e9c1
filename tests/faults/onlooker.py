"""Reads results while they come: what there is must be the beginning of what there will be."""

from contextlib import suppress

import httpx2
from typing_extensions import override

from tests.faults.background import Background
from tests.faults.callers import PATH
from tests.faults.file_scene import FileScene
from tests.faults.files import File, results_of

READ_EVERY_S = 0.2  # a reader must not take the cores from the workers
ANSWERED_WITHIN_S = 15


class Onlooker(Background):
    """Reads the results of open batches until the block is left; `readings` counts those of one that had not ended."""

    def __init__(self, scene: FileScene) -> None:
        super().__init__()
        self.readings = 0
        self._scene = scene
        self._ended = set[File]()

    @override
    def _work(self) -> None:
        with httpx2.Client(base_url=self._scene.house.url, timeout=ANSWERED_WITHIN_S) as client:
            while not self._stop.wait(READ_EVERY_S):
                for file, id in list(self._scene.callers.accepted.items()):
                    if file not in self._ended and file not in self._scene.ends:
                        with suppress(httpx2.TransportError):
                            self._look(file, client.get(f"{PATH}/{id}/results"))

    def _look(self, file: File, seen: httpx2.Response) -> None:
        if seen.status_code != 200:
            return
        if "etag" in seen.headers:
            self._ended.add(file)
        else:
            self.readings += 1
        if not results_of(file).startswith(seen.content):
            self._scene.changed.add(file)
