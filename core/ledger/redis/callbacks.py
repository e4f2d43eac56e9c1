"""Callbacks over Redis or Valkey."""

from collections.abc import Callable
from typing import Any, Literal

from redis import Redis
from typing_extensions import override

from core.ledger.callback import CALLBACKS_AT_ONCE, Callback, Callbacks, Due
from core.ledger.job import Job, State
from core.ledger.redis.keys import BATCHES, CALLBACK_QUEUE, JOBS, Keys
from core.ledger.redis.scripts import PUT_OFF_CALLBACK, TAKE_CALLBACKS, Script, Scripts
from core.ledger.redis.view import JOB, RedisView
from core.settings import Settings


class RedisCallbacks(RedisView[Job], Callbacks):
    """The callbacks of the jobs that `RedisLedger` stores in the same Redis, or with `BATCHES`, of the batches."""

    def __init__(
        self, redis: Redis, settings: Settings, clock: Callable[[], int] | None = None, keys: Keys = JOBS
    ) -> None:
        super().__init__(redis, settings, clock, keys, JOB)
        self._callback_kind: Literal["job", "batch"] = "batch" if keys is BATCHES else "job"
        self._scripts = Scripts(redis, keys)

    @override
    def due(self) -> Due:
        now = self._ms()
        pipe = self._redis.pipeline(transaction=False)
        pipe.zcount(self._keys.callbacks, "-inf", now)
        pipe.llen(CALLBACK_QUEUE)
        return Due(*self._ask(lambda _: pipe.execute()))

    @override
    def claim(self) -> list[Callback]:
        lease_ms = int(3 * self._settings.callback_timeout_s * 1000)
        found = iter(self._run(TAKE_CALLBACKS, lease_ms, CALLBACKS_AT_ONCE))
        return [
            Callback(
                id.decode(),
                url.decode(),
                State(state.decode()),
                int(ended),
                attempt,
                self._callback_kind,
                trace.decode() or None,
            )
            for id, url, state, ended, attempt, trace in zip(*[found] * 6, strict=True)
        ]

    @override
    def put_off(self, id: str, wait_s: float) -> bool:
        return bool(self._run(PUT_OFF_CALLBACK, self._settings.result_ttl * 1000, int(wait_s * 1000), id))

    @override
    def forget(self, id: str) -> None:
        self._ask(lambda redis: redis.zrem(self._keys.callbacks, id))

    def _run(self, script: Script, *args: str | int) -> Any:
        return self._ask(lambda _: self._scripts.run(script, self._now(), *args))
