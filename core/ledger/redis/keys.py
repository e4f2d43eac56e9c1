"""Every Redis key of a ledger.

A job is a hash. Its id is in exactly one `index`, that of its owner (or of no owner) and state: a sorted set in which
all scores are 0, so that it is ordered by id, which for UUIDv7 is by time. While the job is open its id is also in
exactly one of these: `waiting` of its owner, until a worker claims it for the first time; `leases`, while a worker
holds it; `redelivery`, once a worker lost it, until the message that names it is claimed.
"""

FORMAT = 2
"""The number of this layout of keys, records and scripts' arguments. A program claims nothing from a newer one.

2: jobs wait by owner. Format 1 kept all open jobs in one sorted set, `open`, which the reaper still empties.
"""

FORMAT_KEY = "sl:format"
FREE_MEMORY = "sl:room"  # bytes of memory that are free, as the reaper last read; absent if memory has no limit
PROBES = "probe"  # the owner that probe jobs wait with, whose ids begin with PROBE_JOB_PREFIX; no key has such a prefix

DRAIN_BUCKET_MS = 5_000
DAY_MS = 86_400_000


class Keys:
    """The keys of one ledger, all of which begin with `prefix`; `queue` is the queue of its messages."""

    def __init__(self, prefix: str, queue: str) -> None:
        self.queue = queue  # Celery's list of this name
        # hash: state, rows, patients, explain, started, finished, deliveries, resent, deadline, idem, scores, model,
        # code, message, replayed_as, callback, rung, owner, trace (the `traceparent` of its request, if there was one),
        # waiter (the gateway process that waits for it, while it is open). `explain` is 0 or 1, then a blank and the
        # model's version if one was requested; a job that requests neither has no such field.
        self.job = f"{prefix}job:"
        self.index = f"{prefix}index:"  # sorted set of ids, one for each owner and state: "owner:state", or "state"
        self.waiting = f"{prefix}waiting:"  # sorted set of ids, one for each owner: by priority, then when accepted
        self.owners = f"{prefix}owners"  # sorted set: owner with waiting jobs -> records served, divided by its weight
        self.marks = f"{prefix}marks"  # hash: the same of owners without waiting jobs, as long as others have some
        self.shares = f"{prefix}shares"  # hash: owner -> records in its open jobs; not counted for jobs without owner
        self.results = (
            f"{prefix}results:"  # hash, one for each owner: 24th of `result_ttl` -> bytes of results made then
        )
        self.leases = f"{prefix}leases"  # sorted set: id -> ms when its lease ends
        self.redelivery = f"{prefix}redelivery"  # sorted set: id -> ms when a message that names it was last sent
        self.unpolled_since = (
            f"{prefix}unattended"  # ms since which jobs wait while the queue is empty and no worker polls
        )
        self.format_1 = f"{prefix}open"  # sorted set: id -> ms when its lease ends, or minus the ms when it was sent
        self.deadlines = f"{prefix}deadlines"  # sorted set: id -> ms when it expires; only open jobs with a deadline
        self.callbacks = f"{prefix}callbacks"  # sorted set: id -> ms when its callback is due, +inf while it is open
        self.dead_letters = f"{prefix}quarantine"  # dead letters: sorted set of ids whose records are kept for a replay
        self.watermark = f"{prefix}passed"  # watermark: the newest `sent` that the queue has delivered, ms
        self.backlog = f"{prefix}backlog"  # records in open jobs
        self.drained = f"{prefix}drained:"  # records that left the backlog, one counter for each 5 s
        self.idempotency = f"{prefix}idem:"  # "fingerprint id", by hashed key
        self.claimed = f"{prefix}claimed:"  # ids that a claim returned, by its token, while it may be sent again
        self.long_poll_until = f"{prefix}attended"  # ms until which a worker that long polls is expected to claim again
        self.new_jobs = f"{prefix}word"  # list that long polls block on: one item if there are new jobs
        self.consumed = f"{prefix}consumed"  # exists while a job has been scored lately
        self.begun = f"{prefix}begun"  # channel: ids of jobs, separated by spaces, as workers first claim them
        self.ended = f"{prefix}ended"  # channel: ids of jobs, separated by spaces, as they end or are erased
        self.answers = f"{prefix}answers:"  # channel of the gateway process that waits: a line for each job scored:
        # id, patients, started, finished and the JSON of its scores, separated by spaces
        self.probe = f"{prefix}probe"  # written to test whether the ledger is writable

    def index_of(self, owner: str) -> str:
        """Return the prefix of an owner's indexes, as `index_of` in the scripts does; empty is no owner."""
        return f"{self.index}{owner}:" if owner else self.index


JOBS = Keys("sl:", "interactive")
"""The keys of the jobs that clients submit."""

PARTS = Keys("sl:part:", "bulk")
"""The keys of the parts of files: jobs as well, whose records are in the object store."""

BATCHES = Keys("sl:batch:", "")
"""The keys of batches: their records, and their ids by state. A batch is never claimed, so it uses no other keys."""

KEY = (
    "sl:key:"  # hash of an API key, by its prefix: name, scopes, slow, hint, created, expires, revoked, and its limits
)
KEYS = "sl:keys"  # sorted set of the prefixes of all keys, scored by the ms when each was made
SESSION = "sl:session:"  # prefix of the key that was entered in a browser, by the hash of its session's secret
ROWS = "sl:rows:"  # rows that the key of an owner has sent on a UTC day: "owner:day", days since 1970
RATES = "sl:rates"  # prefix of the counters of requests of the library `limits`
AUDIT = "sl:audit"  # stream: who did what to which ids: key, action, kind, ids separated by spaces
REWRITTEN = "sl:rewritten"  # exists while Redis's append-only file need not be rewritten
MODEL = "sl:model"  # version of the model that workers loaded last

ACCEPTED = "sl:accepted"  # counter of submits of jobs, and of files, ever accepted, without probe jobs
CHECKPOINT = "sl:checkpoint"  # hash: epoch, mark, accepted; former, until; see core/ledger/redis/checkpoint.py
LOSSES = "sl:losses"  # sorted set: "how since until" of each loss of this ledger -> until, ms

CALLBACK_QUEUE = "callbacks"  # Celery's list of this name

DONE = "sl:batch:done:"  # hash of a batch: number of a part -> its result
TRASH = "sl:batch:trash"  # sorted set: id -> ms at which its objects are deleted; with a slash, deleted once more

CARD = "sl:card:"  # JSON of a model's card, by its version, for as long as its histograms are kept
SERVED = "sl:served"  # version of the model that a worker last published as its own
REFUSED = "sl:refused"  # JSON: which bundle a worker refused last, and why; expires unless a worker publishes it again
HISTOGRAMS = (
    "sl:drift:"  # hash by version and hour since 1970: "feature=bin" -> records in it; no two features together
)
OWNED_HISTOGRAMS = "sl:drift-of:"  # the same of one owner's records only: by owner, version and hour
