"""The limits of a key: response headers that report them, and errors for exceeding them.

The headers follow draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` names each limit with its quota `q` and
its window `w` in seconds; `RateLimit` has the remainder `r`, and the seconds `t` until the quota is full again.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from core.errors import Backlogged, QuotaExceeded
from core.ledger.key import Limits
from core.ledger.protocol import SubmitStatus
from core.ledger.redis.access.keyring import Key
from core.ledger.stats import Load

DAY_S = 86_400
RESULTS_END_S = 60  # some of the oldest results may expire within this time
BATCH_ENDS_S = 5  # one of the open batches may end within this time


@lru_cache
def policy_of(limits: Limits) -> str:
    """Return the value of `RateLimit-Policy`, empty without a limit."""
    policies = {
        f'"requests";q={limits.requests_per_s};w=1': limits.requests_per_s,
        f'"rows";q={limits.rows_per_day};w={DAY_S};qu="rows"': limits.rows_per_day,
        f'"batches";q={limits.batches_at_once};qu="batches"': limits.batches_at_once,
    }
    return ", ".join(policy for policy, most in policies.items() if most is not None)


def remainder_of(key: Key, requests: int) -> str:
    """Return the value of `RateLimit`, empty without limits; the remaining rows are at most a second old."""
    limits, left = key.caller.limits, []
    if limits.requests_per_s is not None:
        left.append(f'"requests";r={requests};t=1')
    if limits.rows_per_day is not None:
        left.append(f'"rows";r={max(0, limits.rows_per_day - key.rows_today)};t={until_tomorrow_s(key.now)}')
    return ", ".join(left)


def until_tomorrow_s(now: datetime) -> int:
    """Return the seconds until the next day of UTC begins, at least one."""
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1, int((tomorrow - now).total_seconds()))


def backlogged(status: SubmitStatus, load: Load, limit: int) -> Backlogged:
    """Return the error for a full backlog, that of the key if the status is SHARE, else that of all callers."""
    whose = "of this API key" if status is SubmitStatus.SHARE else "of all callers together"
    return Backlogged(
        f"Too many records {whose} are waiting to be scored: send it again after the seconds in `Retry-After`.",
        retry_after_s=load.seconds_until_free(limit),
    )


def too_many_results() -> QuotaExceeded:
    """Return the error for a job of a key whose kept results take too much memory."""
    return QuotaExceeded(
        "The results that are kept for this API key take too much of the service's memory: DELETE jobs that you have "
        "read, or wait until older ones are no longer kept.",
        retry_after_s=RESULTS_END_S,
    )


def too_many_batches() -> QuotaExceeded:
    """Return the error for more batches than the key may have open."""
    return QuotaExceeded(
        "This key may not have so many batches open: send the file again when one of them has ended.",
        retry_after_s=BATCH_ENDS_S,
    )


def too_many_rows() -> QuotaExceeded:
    """Return the error for more rows than the key may send in a day."""
    return QuotaExceeded(
        "This key may not send so many more rows today: send fewer, or wait for the next day of UTC.",
        retry_after_s=until_tomorrow_s(datetime.now(UTC)),
    )
