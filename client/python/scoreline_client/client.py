"""The client that blocks."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar, Unpack
from uuid import UUID

import httpx2

from scoreline_client import batches, downloads, jobs, model, wiring
from scoreline_client.jobs import AnyPatient
from scoreline_client.options import FileOptions, JobOptions, OnProgress
from scoreline_client.steps import Pause, Reply, Send, Service, Steps, ask
from scoreline_client.wire.api.batches import batches_erase, batches_errors, batches_results
from scoreline_client.wire.api.health import health_ready
from scoreline_client.wire.api.jobs import jobs_erase
from scoreline_client.wire.models import Batch, BatchPage, Drift, Format, Job, JobPage, Score, State

URL = "http://127.0.0.1:8001"
T = TypeVar("T")


class Client:
    """A connection to the service at `url`, to be closed, or used with `with`. It may be shared among threads.

    `api_key` is sent with each request. An attempt fails that is not answered within `timeout_s` seconds; a request
    that fails on its connection, or is told to come later (429, 502, 503, 504), is sent again for at most `patience_s`
    seconds, after a growing pause or the one that the service asks for. All attempts of a submit bear one
    Idempotency-Key, so that it counts once.

    Every method raises ServiceAway when patience ends, the `Problem` that the service answered, and ScorelineError
    for an answer that makes no sense.
    """

    def __init__(
        self, url: str = URL, *, api_key: str | None = None, patience_s: float = 60, timeout_s: float = 10
    ) -> None:
        self._service = Service(url.rstrip("/"), patience_s)
        self._timeout_s = timeout_s
        self._http = httpx2.Client(**wiring.settings(self._service.url, api_key, timeout_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def check(self) -> None:
        """Do nothing if the service is ready: patients can be written down, and workers score. Raises Unavailable."""
        self._run(ask(self._service, Send(health_ready._get_kwargs())))

    def score(self, patient: AnyPatient, *, wait_s: float = 60, **asked: Unpack[JobOptions]) -> Score:
        """Return the score of one patient. Raises NotScored if the job fails, or has none within `wait_s` seconds."""
        return self._run(jobs.score(self._service, patient, wait_s, asked))

    def submit(
        self, patients: AnyPatient | Sequence[AnyPatient], *, wait_s: float = 0, **asked: Unpack[JobOptions]
    ) -> Job:
        """Submit one patient or many as one job, and return it, ended if that takes no longer than `wait_s` seconds."""
        return self._run(jobs.submit(self._service, patients, wait_s, asked))

    def wait_for_job(self, id: UUID | str, within_s: float = math.inf) -> Job:
        """Return the job once it has ended, or as it is after `within_s` seconds."""
        return self._run(jobs.wait(self._service, id, within_s))

    def job(self, id: UUID | str) -> Job:
        """Return the job, with its scores if it succeeded."""
        return self._run(jobs.find(self._service, id))

    def jobs(self, state: State | None = None, limit: int = 20, after: UUID | str | None = None) -> JobPage:
        """Return jobs without scores, newest first: in one state or all, older than the job `after`."""
        return self._run(jobs.page(self._service, state, limit, after))

    def cancel_job(self, id: UUID | str) -> Job:
        """Cancel the job. Raises EndedJob."""
        return self._run(jobs.cancel(self._service, id))

    def erase_job(self, id: UUID | str) -> None:
        """Erase the job with all that is known of it."""
        self._run(ask(self._service, Send(jobs_erase._get_kwargs(str(id)))))

    def submit_file(
        self,
        file: Path | BinaryIO,
        *,
        wait_s: float = math.inf,
        on_progress: OnProgress = lambda _: None,
        **asked: Unpack[FileOptions],
    ) -> Batch:
        """Upload a file as one batch, and return it, ended if that takes no longer than `wait_s` seconds.

        It is read a piece at a time, from its beginning; a pipe is sent once only, and BrokenOff raised if that fails.
        `on_progress` is called as it is sent, and then as its rows are scored. Raises OSError if it cannot be read.
        """
        return self._run(batches.submit(self._service, file, wait_s, on_progress, asked))

    def wait_for_batch(
        self, id: UUID | str, within_s: float = math.inf, on_progress: OnProgress = lambda _: None
    ) -> Batch:
        """Return the batch once it has ended, or as it is after `within_s` seconds."""
        return self._run(batches.wait(self._service, id, within_s, on_progress))

    def batch(self, id: UUID | str) -> Batch:
        """Return the batch."""
        return self._run(batches.find(self._service, id))

    def batches(self, state: State | None = None, limit: int = 20, after: UUID | str | None = None) -> BatchPage:
        """Return batches, newest first: in one state or all, older than the batch `after`."""
        return self._run(batches.page(self._service, state, limit, after))

    def results(
        self, id: UUID | str, out: BinaryIO, *, format: Format | None = None, spreadsheet_safe: bool = False
    ) -> int:
        """Write the rows with their scores to a file, and return their size in bytes.

        In the file's own format a download that breaks off goes on where it broke off; in another it begins anew, or
        raises BrokenOff where `out` only goes on.
        """
        asked = batches_results._get_kwargs(str(id), format_=format, spreadsheet_safe=spreadsheet_safe)
        return self._run(downloads.fetch(self._service, asked, out))

    def errors(self, id: UUID | str, out: BinaryIO) -> int:
        """Write what is wrong with the rejected rows to a file, as lines of JSON, and return their size in bytes."""
        return self._run(downloads.fetch(self._service, batches_errors._get_kwargs(str(id)), out))

    def cancel_batch(self, id: UUID | str) -> Batch:
        """Cancel the batch; the parts that are done stay. Raises EndedBatch."""
        return self._run(batches.cancel(self._service, id))

    def erase_batch(self, id: UUID | str) -> None:
        """Erase the batch with its file and its results."""
        self._run(ask(self._service, Send(batches_erase._get_kwargs(str(id)))))

    def model(self, version: str | None = None) -> dict[str, Any]:
        """Return the card of the model that workers serve, or of one that scored of late. Raises UnknownModel."""
        return self._run(model.card(self._service, version))

    def drift(self, hours: int = 24, model_version: str | None = None) -> Drift:
        """Return whether patients of the last `hours` are still like those that the model was trained on."""
        return self._run(model.drift(self._service, hours, model_version))

    def _run(self, steps: Steps[T]) -> T:
        reply: Reply | None = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]  # a generator's value is of no type there
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                reply = None
            else:
                reply = self._send(step)

    def _send(self, send: Send) -> Reply | None:
        request = wiring.limit(send, self._timeout_s) | ({"content": send.body()} if send.body else {})
        try:
            with self._http.stream(**request) as answer:
                return _take(answer, send.sink)
        except httpx2.RequestError:
            return None


def _take(answer: httpx2.Response, sink: Callable[[int], Callable[[bytes], object]] | None) -> Reply:
    if not sink or not answer.is_success:
        return Reply(answer.status_code, answer.headers, answer.read())
    write, whole = sink(answer.status_code), True
    try:
        for piece in answer.iter_bytes():
            write(piece)
    except httpx2.RequestError:
        whole = False
    return Reply(answer.status_code, answer.headers, b"", whole)
