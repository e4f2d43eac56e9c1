"""What the scripts of the ledger know by name: keys, and numbers that have a reason.

A script names them in capitals, and `scripts.py` puts the value in the place of the name. So each stands in one place.
"""

from core.ids import PROBE_JOB_PREFIX
from core.ledger.answer import READY_SCORES
from core.ledger.protocol import USUAL_PRIORITY
from core.ledger.redis import keys
from core.ledger.redis.keys import BATCHES, DAY_MS, DRAIN_BUCKET_MS, JOBS, PARTS, Keys

NEWER = "NEWERFORMAT the ledger is of a format that this program does not know"
"""What a script answers by which nothing may be claimed any more."""

TRUSTED_MS = 1_000  # how long after its claim a worker that long polls is assumed to be alive

SHARE_OF_FREE = 4
"""How many times what stays free of a backlog one owner may hold, times its weight: dynamic queue-length thresholds.

So k busy owners of weight 1 hold at most 4 / (1 + 4 k) of the limit each: one alone 80 %, two 44 %, ten 10 %, and a new
one always finds room. Source: Choudhury, Hahne: Dynamic Queue Length Thresholds for Shared-Memory Packet Switches,
IEEE/ACM Transactions on Networking 6(2), 1998.
"""

RECORDS_A_VISIT = 16
"""Records, and most jobs, that an owner is served before the next is looked at, where several have jobs that wait.

Small against a claim's 256 jobs, so that each claim serves many owners; large against the calls that a visit costs.
"""

RESULT_BUCKETS, RECORD_BYTES = 24, 300
"""Parts of the time that results are kept in which an owner's are counted; what a record takes besides its scores."""

PRIORITY_STEP = 2**42
"""What one step of priority weighs in a score, above every time in ms until 2109; eight are exact in a double."""

LATEST = "."
"""In `marks`: the mark of the owner that was served last, as it was before; no key has such a prefix."""

DRAIN_TTL_MS = 4 * DRAIN_BUCKET_MS
"""How long what was taken off the backlog is counted: two buckets are read."""

HOURS_KEPT = 7 * 24  # a week: its days differ in who comes
HOUR_S = 3_600
HISTOGRAM_TTL_S = (HOURS_KEPT + 1) * HOUR_S

SHARED: dict[str, str | int] = {
    "ACCEPTED": keys.ACCEPTED,
    "AUDIT": keys.AUDIT,
    "BATCH": BATCHES.job,
    "BATCH_CALLBACKS": BATCHES.callbacks,
    "BATCH_INDEX": BATCHES.index,
    "CHECKPOINT": keys.CHECKPOINT,
    "DAY_MS": DAY_MS,
    "DONE": keys.DONE,
    "DRAIN_BUCKET_MS": DRAIN_BUCKET_MS,
    "DRAIN_TTL_MS": DRAIN_TTL_MS,
    "FORMAT": keys.FORMAT,
    "FORMAT_KEY": keys.FORMAT_KEY,
    "HISTOGRAM_TTL_S": HISTOGRAM_TTL_S,
    "HOUR_S": HOUR_S,
    "JOBS_ENDED": JOBS.ended,
    "KEY": keys.KEY,
    "LATEST": LATEST,
    "LOSSES": keys.LOSSES,
    "NEWER": NEWER,
    "PARTS_ENDED": PARTS.ended,
    "PRIORITY_STEP": PRIORITY_STEP,
    "PROBES": keys.PROBES,
    "PROBE_ID": PROBE_JOB_PREFIX,
    "READY_SCORES": READY_SCORES,
    "RECORDS_A_VISIT": RECORDS_A_VISIT,
    "RECORD_BYTES": RECORD_BYTES,
    "RESULT_BUCKETS": RESULT_BUCKETS,
    "REWRITTEN": keys.REWRITTEN,
    "FREE_MEMORY": keys.FREE_MEMORY,
    "ROWS": keys.ROWS,
    "SHARE_OF_FREE": SHARE_OF_FREE,
    "TRASH": keys.TRASH,
    "USUAL_PRIORITY": USUAL_PRIORITY,
}
"""Those that are the same in every ledger, by the names that the scripts have for them."""


def constants_of(ledger: Keys) -> dict[str, str | int]:
    """Return the constants by name: the keys of this ledger, by the names of `Keys` in capitals, and `SHARED`."""
    return {name.upper(): value for name, value in vars(ledger).items()} | SHARED
