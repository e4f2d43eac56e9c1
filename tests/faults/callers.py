"""Uploads files as real callers do: several at once, each under a key of its own, again until it is accepted."""

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from http.client import HTTPConnection
from threading import Event, Lock
from typing import Self
from uuid import uuid4

import httpx2

from tests.faults.file_house import FileHouse
from tests.faults.files import File

PATH = "/v1/batches"
AT_ONCE = 3
LATER = {408, 409, 429, 503}  # what a caller may answer by sending the same again
LONGEST_WAIT_S = 1.0  # a Retry-After is obeyed up to here: a fault is short
AFTER_LOSS_S = 0.1


class Callers:
    """Upload the files until the block is left.

    `accepted` has the id that each file's 202 named, `accepted_ms` when that came, in ms since 1970, by id.
    """

    def __init__(self, house: FileHouse, files: Iterable[File]) -> None:
        self.accepted: dict[File, str] = {}
        self.accepted_ms: dict[str, float] = {}
        self.answers: Counter[int] = Counter()
        self.lost_answers = 0
        self.surprises: list[str] = []
        self._house = house
        self._files = list(files)
        self._run = uuid4().hex
        self._abandoned = Event()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE, "caller")
        self._going: list[Future[str]] = []

    def __enter__(self) -> Self:
        self._going = [self._pool.submit(self.upload, file) for file in self._files]
        return self

    def __exit__(self, *_: object) -> None:
        self._abandoned.set()
        self._pool.shutdown(cancel_futures=True)

    def finish(self, within_s: float) -> None:
        """Return once every file was accepted, or after so many seconds."""
        wait(self._going, within_s)

    def upload(self, file: File, **options: str) -> str:
        """Upload a file, again and again under the same key until it is accepted; return its batch's id."""
        content = file.content
        while not self._abandoned.is_set():
            try:
                answer = self._house.client.post(PATH, content=content, headers=self._headers(file), params=options)
            except httpx2.TransportError:
                with self._lock:
                    self.lost_answers += 1
                self._abandoned.wait(AFTER_LOSS_S)
                continue
            with self._lock:
                self.answers[answer.status_code] += 1
                if answer.status_code == 202:
                    id = self.accepted.setdefault(file, answer.json()["id"])
                    self.accepted_ms.setdefault(id, 1000 * time.time())
                    return id
                if answer.status_code not in LATER:
                    self.surprises.append(f"{answer.status_code} {answer.text}")
                    break
            self._abandoned.wait(min(float(answer.headers.get("retry-after", 0)), LONGEST_WAIT_S))
        raise AssertionError(f"{file.name} was not accepted")

    def begin(self, file: File, up_to: int | None = None) -> HTTPConnection:
        """Send the beginning of a file's upload, or all of it, and return the connection, whose answer nobody reads."""
        content = file.content
        connection = HTTPConnection("127.0.0.1", self._house.port)
        connection.putrequest("POST", PATH)
        for name, value in {**self._headers(file), "Content-Length": str(len(content))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(content[:up_to])
        return connection

    def _headers(self, file: File) -> dict[str, str]:
        return {**file.headers, "Idempotency-Key": f'"{self._run}-{file.name}"'}
