"""The client that is awaited; what its methods do is what those of `client.Client` do."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar, Unpack
from uuid import UUID

import httpx2

from scoreline_client import batches, downloads, jobs, model, wiring
from scoreline_client.client import URL
from scoreline_client.jobs import AnyPatient
from scoreline_client.options import FileOptions, JobOptions, OnProgress
from scoreline_client.steps import Pause, Reply, Send, Service, Steps, ask
from scoreline_client.wire.api.batches import batches_erase, batches_errors, batches_results
from scoreline_client.wire.api.health import health_ready
from scoreline_client.wire.api.jobs import jobs_erase
from scoreline_client.wire.models import Batch, BatchPage, Drift, Format, Job, JobPage, Score, State

T = TypeVar("T")


class AsyncClient:
    """A connection to the service at `url`, to be closed, or used with `async with`.

    Its arguments, and what every method raises, are those of `Client`.
    """

    def __init__(
        self, url: str = URL, *, api_key: str | None = None, patience_s: float = 60, timeout_s: float = 10
    ) -> None:
        self._service = Service(url.rstrip("/"), patience_s)
        self._timeout_s = timeout_s
        self._http = httpx2.AsyncClient(**wiring.settings(self._service.url, api_key, timeout_s))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def check(self) -> None:
        """Ask whether the service is ready."""
        await self._run(ask(self._service, Send(health_ready._get_kwargs())))

    async def score(self, patient: AnyPatient, *, wait_s: float = 60, **asked: Unpack[JobOptions]) -> Score:
        """Return the score of one patient."""
        return await self._run(jobs.score(self._service, patient, wait_s, asked))

    async def submit(
        self, patients: AnyPatient | Sequence[AnyPatient], *, wait_s: float = 0, **asked: Unpack[JobOptions]
    ) -> Job:
        """Submit one patient or many as one job."""
        return await self._run(jobs.submit(self._service, patients, wait_s, asked))

    async def wait_for_job(self, id: UUID | str, within_s: float = math.inf) -> Job:
        """Return the job once it has ended."""
        return await self._run(jobs.wait(self._service, id, within_s))

    async def job(self, id: UUID | str) -> Job:
        """Return the job."""
        return await self._run(jobs.find(self._service, id))

    async def jobs(self, state: State | None = None, limit: int = 20, after: UUID | str | None = None) -> JobPage:
        """Return jobs, newest first."""
        return await self._run(jobs.page(self._service, state, limit, after))

    async def cancel_job(self, id: UUID | str) -> Job:
        """Cancel the job."""
        return await self._run(jobs.cancel(self._service, id))

    async def erase_job(self, id: UUID | str) -> None:
        """Erase the job."""
        await self._run(ask(self._service, Send(jobs_erase._get_kwargs(str(id)))))

    async def submit_file(
        self,
        file: Path | BinaryIO,
        *,
        wait_s: float = math.inf,
        on_progress: OnProgress = lambda _: None,
        **asked: Unpack[FileOptions],
    ) -> Batch:
        """Upload a file as one batch, read in threads, where `on_progress` is called while it is sent."""
        return await self._run(batches.submit(self._service, file, wait_s, on_progress, asked))

    async def wait_for_batch(
        self, id: UUID | str, within_s: float = math.inf, on_progress: OnProgress = lambda _: None
    ) -> Batch:
        """Return the batch once it has ended."""
        return await self._run(batches.wait(self._service, id, within_s, on_progress))

    async def batch(self, id: UUID | str) -> Batch:
        """Return the batch."""
        return await self._run(batches.find(self._service, id))

    async def batches(self, state: State | None = None, limit: int = 20, after: UUID | str | None = None) -> BatchPage:
        """Return batches, newest first."""
        return await self._run(batches.page(self._service, state, limit, after))

    async def results(
        self, id: UUID | str, out: BinaryIO, *, format: Format | None = None, spreadsheet_safe: bool = False
    ) -> int:
        """Write the rows with their scores to a file."""
        asked = batches_results._get_kwargs(str(id), format_=format, spreadsheet_safe=spreadsheet_safe)
        return await self._run(downloads.fetch(self._service, asked, out))

    async def errors(self, id: UUID | str, out: BinaryIO) -> int:
        """Write what is wrong with the rejected rows to a file."""
        return await self._run(downloads.fetch(self._service, batches_errors._get_kwargs(str(id)), out))

    async def cancel_batch(self, id: UUID | str) -> Batch:
        """Cancel the batch."""
        return await self._run(batches.cancel(self._service, id))

    async def erase_batch(self, id: UUID | str) -> None:
        """Erase the batch."""
        await self._run(ask(self._service, Send(batches_erase._get_kwargs(str(id)))))

    async def model(self, version: str | None = None) -> dict[str, Any]:
        """Return the card of a model."""
        return await self._run(model.card(self._service, version))

    async def drift(self, hours: int = 24, model_version: str | None = None) -> Drift:
        """Return whether patients are still like those that the model was trained on."""
        return await self._run(model.drift(self._service, hours, model_version))

    async def _run(self, steps: Steps[T]) -> T:
        reply: Reply | None = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]  # a generator's value is of no type there
            reply = await (asyncio.sleep(step.seconds) if isinstance(step, Pause) else self._send(step))

    async def _send(self, send: Send) -> Reply | None:
        request = wiring.limit(send, self._timeout_s) | ({"content": _in_thread(send.body())} if send.body else {})
        try:
            async with self._http.stream(**request) as answer:
                return await _take(answer, send.sink)
        except httpx2.RequestError:
            return None


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


async def _take(answer: httpx2.Response, sink: Callable[[int], Callable[[bytes], object]] | None) -> Reply:
    if not sink or not answer.is_success:
        return Reply(answer.status_code, answer.headers, await answer.aread())
    write, whole = sink(answer.status_code), True
    try:
        async for piece in answer.aiter_bytes():
            write(piece)
    except httpx2.RequestError:
        whole = False
    return Reply(answer.status_code, answer.headers, b"", whole)
