"""A small client of the HTTP API, and an example for others: it backs off, obeys Retry-After, and retries safely."""

import asyncio
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
from pydantic import SecretStr, ValidationError

from core.errors import ScorelineError
from core.ledger.batch import Batch
from core.ledger.job import Job
from core.schema.patient import Patient

Ends = TypeVar("Ends", Job, Batch)
"""A job or a batch, for whose end a client waits."""

NAMED_AT_MOST = 3
"""The most invalid fields that an error names."""

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
ANSWER_WITHIN_S = 10.0
TOO_MANY = 429
COME_BACK = {409, TOO_MANY, 502, 503, 504}
"""Statuses that mean "retry later": the key is in use, the backlog is full, or the service is unavailable for now."""

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class ServiceAway(ScorelineError):
    """The service cannot be reached: start it with `make up`."""

    code = "service-away"


class Refused(ScorelineError):
    """The service refused the request."""

    code = "refused"
    status_code: int = 0
    """The HTTP status, if the service answered with one; else 0."""


def retry_after_s(answer: httpx2.Response, otherwise_s: float) -> float:
    """Return the seconds that the service asks to wait; `otherwise_s` if it gives none, or a date."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else otherwise_s


def read_as(kind: type[Ends], answer: httpx2.Response) -> Ends:
    """Return the job or batch in a response. Raises Refused if it holds none."""
    if not answer.is_success:
        raise refusal(answer)
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError:
        what = f"the answer to {answer.request.url.path} is not a {kind.__name__.lower()}"
        raise Refused(f"{what}: is this the right service?") from None


def refusal(answer: httpx2.Response) -> Refused:
    """Return the error for a response that is a problem (RFC 9457), or at least has an error status."""
    try:
        problem = json.loads(answer.content)
        faults = [f"{fault['field']} {fault['message']}." for fault in problem.get("errors", ())[:NAMED_AT_MOST]]
        error = Refused(" ".join([f"{answer.status_code} {problem['title']}: {problem['detail']}", *faults]))
    except (ValueError, KeyError, TypeError, AttributeError):
        error = Refused(f"{answer.status_code} {answer.reason_phrase}")
    error.status_code = answer.status_code
    return error


class Client:
    """A client of the service at `url`, to be used with `async with`.

    A request that fails temporarily is retried, for at most `patience_s` seconds, after a growing pause or the one that
    the service names. `report` is called with a sentence when the service becomes unreachable, and when it is back.
    `key` is the API key, if the service needs one.
    """

    def __init__(
        self,
        url: str,
        *,
        patience_s: float = math.inf,
        report: Callable[[str], None] = lambda _: None,
        key: SecretStr | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._patience_s = patience_s
        self._report = report
        self._away = False
        self._busy_until_s = 0.0
        self.put_off = 0
        """How often the service has answered 429."""
        self._http = httpx2.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx2.Timeout(ANSWER_WITHIN_S, pool=None),
            trust_env=urlsplit(self.url).hostname not in LOOPBACK,  # a proxy cannot reach this machine's loopback
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(self, patients: Sequence[Patient]) -> Job:
        """Submit the patients as one job; retries make no second job.

        Raises Refused, ServiceAway.
        """
        sent = [patient.model_dump(mode="json") for patient in patients]
        return await self.submit_body(json.dumps(sent[0] if len(sent) == 1 else {"patients": sent}).encode(), uuid4())

    async def submit_body(self, body: bytes, key: UUID) -> Job:
        """Submit the body, whatever it holds; the same key and body again yield the same job.

        Raises Refused, ServiceAway.
        """
        # One key for all attempts: if only the response was lost, the service answers with the job it has made.
        headers = {"Idempotency-Key": f'"{key}"', "Content-Type": "application/json"}
        return read_as(Job, await self._request("POST", "/v1/jobs", content=body, headers=headers))

    async def hold_back(self) -> bool:
        """Wait as long as the service has asked with a 429, and return whether it has."""
        asked = False
        while (left_s := self._busy_until_s - time.monotonic()) > 0:
            asked = True
            await asyncio.sleep(left_s)
        return asked

    async def upload(self, data: bytes) -> Batch:
        """Upload a CSV as one batch; retries make no second batch. Raises Refused, ServiceAway."""
        headers = {"Idempotency-Key": f'"{uuid4()}"', "Content-Type": "text/csv"}
        return read_as(Batch, await self._request("POST", "/v1/batches", content=data, headers=headers))

    async def wait(self, begun: Ends, on_read: Callable[[Ends], None] = lambda _: None) -> Ends:
        """Poll until the job or batch has ended, and return it; `on_read` is called with each state that is read.

        Raises Refused, ServiceAway.
        """
        path = f"/v1/{'jobs' if isinstance(begun, Job) else 'batches'}/{begun.id}"
        pauses = make_pauses()
        pause_s = next(pauses)
        while True:
            await asyncio.sleep(pause_s)
            answer = await self._request("GET", path)
            current = read_as(type(begun), answer)
            on_read(current)
            if current.state.ended:
                return current
            pause_s = retry_after_s(answer, next(pauses))

    async def download(self, path: str, out: BinaryIO) -> int:
        """Write the resource at this path to a file, and return its size in bytes. Raises Refused, ServiceAway."""
        size = 0
        try:
            async with self._http.stream("GET", path) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise refusal(answer)
                async for piece in answer.aiter_bytes():
                    size += out.write(piece)
        except httpx2.RequestError:
            raise self._away_error() from None
        return size

    async def check(self) -> None:
        """Raise ServiceAway unless the service answers, ready or not; does not retry."""
        if await self._attempt("GET", "/health/live") is None:
            raise self._away_error()

    async def _request(self, method: str, path: str, **request: Any) -> httpx2.Response:
        give_up_s, pauses = time.monotonic() + self._patience_s, make_pauses()
        while True:
            answer, pause_s = await self._attempt(method, path, **request), next(pauses)
            if answer is not None:
                if answer.status_code not in COME_BACK:
                    return answer
                pause_s = retry_after_s(answer, pause_s)
                if answer.status_code == TOO_MANY:
                    self.put_off += 1
                    self._busy_until_s = max(self._busy_until_s, time.monotonic() + pause_s)
            if time.monotonic() + pause_s > give_up_s:
                raise self._away_error() if answer is None else refusal(answer)
            await asyncio.sleep(pause_s)

    async def _attempt(self, method: str, path: str, **request: Any) -> httpx2.Response | None:
        try:
            answer = await self._http.request(method, path, **request)
        except httpx2.RequestError:
            if not self._away:
                self._report(f"nothing answers at {self.url}; trying again until something does")
            self._away = True
            return None
        if self._away:
            self._report(f"{self.url} answers")
        self._away = False
        return answer

    def _away_error(self) -> ServiceAway:
        return ServiceAway(f"nothing answers at {self.url}: start it with `make up`")


def make_pauses() -> Iterator[float]:
    """Yield the seconds to wait between attempts: longer each time, with jitter so that clients do not coincide."""
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s * random.uniform(0.8, 1.2)  # noqa: S311 - not for secrets
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
