"""Every Redis key of a ledger.

A job is a hash. Its id stands in exactly one `index` (a sorted set in which all scores are 0, so that it is ordered by
id, which for UUIDv7 is by time): of its owner's, or of those without a name where it has none. While the job is open
its id stands also in exactly one of these: `waiting`, that of its owner, until a worker claims it for the first time;
`leases`, while a worker holds it; `redelivery`, once a worker lost it, until the message that names it is claimed.
"""

FORMAT = 2
"""The number of this layout of keys, records and scripts' arguments; a program refuses to claim by a greater one.

2: jobs wait by owner. Format 1 kept all open jobs in one sorted set, `open`, which the reaper still empties.
"""

FORMAT_KEY = "sl:format"
ROOM = "sl:room"  # bytes that Redis may use for more, by the last look of a sweep; absent where it may use all there is
PROBES = "probe"  # the owner that probe jobs wait with, whose ids begin with PROBE_JOB_PREFIX; no key has such a prefix

DRAIN_BUCKET_MS = 5_000
DAY_MS = 86_400_000


class Keys:
    """The keys of one ledger, all of which begin with `prefix`; `queue` is the queue that its messages hang in."""

    def __init__(self, prefix: str, queue: str) -> None:
        self.queue = queue  # list, Celery's: its name there
        # hash: state, rows, patients, explain, started, finished, deliveries, resent, deadline, idem, scores, model,
        # code, message, replayed_as, callback, rung, owner, trace (the `traceparent` of its request, if there was one),
        # waiter (the gateway process that waits for it, while it is open);
        # explain is 0 or 1, and behind a blank the model's version that was asked for; a job that asks nothing has none
        self.job = f"{prefix}job:"
        self.index = f"{prefix}index:"  # sorted set of ids, one for each owner and state: "owner:state", or "state"
        self.waiting = f"{prefix}waiting:"  # sorted set of ids, one for each owner: by priority, then when accepted
        self.owners = f"{prefix}owners"  # sorted set: owner with jobs that wait -> records served to it by its weight
        self.marks = f"{prefix}marks"  # hash: the same of owners with none, as long as others have some
        self.shares = f"{prefix}shares"  # hash: owner -> records in its open jobs; nobody's are not counted
        self.results = (
            f"{prefix}results:"  # hash, one for each owner: 24th of `result_ttl` -> bytes of results made then
        )
        self.leases = f"{prefix}leases"  # sorted set: id -> ms when its lease ends
        self.redelivery = f"{prefix}redelivery"  # sorted set: id -> ms when a message that names it was last sent
        self.unattended = f"{prefix}unattended"  # ms since when jobs wait for which no message is in the queue
        self.format_1 = f"{prefix}open"  # sorted set: id -> ms when its lease ends, or minus the ms when it was sent
        self.deadlines = f"{prefix}deadlines"  # sorted set: id -> ms when it expires; only open jobs with a deadline
        self.callbacks = f"{prefix}callbacks"  # sorted set: id -> ms when its callback is due, +inf while it is open
        self.quarantine = f"{prefix}quarantine"  # sorted set of ids whose patients are kept for a replay
        self.passed = f"{prefix}passed"  # the newest `sent` that the queue has delivered, ms
        self.backlog = f"{prefix}backlog"  # patients in open jobs
        self.drained = f"{prefix}drained:"  # patients taken off the backlog, one counter for each 5 s
        self.idempotency = f"{prefix}idem:"  # "fingerprint id", by hashed key
        self.claimed = f"{prefix}claimed:"  # ids that a claim took, by its token, for as long as it may be made again
        self.attended = f"{prefix}attended"  # ms until which a worker is trusted to look again for what waits
        self.word = f"{prefix}word"  # list: one word for the workers that attend, if there is anything new
        self.consumed = f"{prefix}consumed"  # exists while a job has been scored lately
        self.begun = f"{prefix}begun"  # channel: ids of jobs, apart by spaces, as workers first take them
        self.ended = f"{prefix}ended"  # channel: ids of jobs, apart by spaces, as they end or are erased
        self.answers = f"{prefix}answers:"  # channel of the gateway process that waits: a line for each job scored:
        # id, patients, started, finished and the JSON of its scores, apart by spaces
        self.probe = f"{prefix}probe"  # written to see whether the ledger can be

    def index_of(self, owner: str) -> str:
        """Return what the names of an owner's indexes begin with, as `index_of` in scripts does; empty is nobody."""
        return f"{self.index}{owner}:" if owner else self.index


JOBS = Keys("sl:", "interactive")
"""The keys of the jobs that clients submit."""

PARTS = Keys("sl:part:", "bulk")
"""The keys of the parts of files: jobs as well, whose patients are in the object store."""

BATCHES = Keys("sl:batch:", "")
"""The keys of batches: their records, and their ids by state; a batch is in no one's hands, so it uses no others."""

KEY = (
    "sl:key:"  # hash of an API key, by its prefix: name, scopes, slow, hint, created, expires, revoked, and its limits
)
KEYS = "sl:keys"  # sorted set of the prefixes of all keys, scored by the ms when each was made
SESSION = "sl:session:"  # prefix of the key that was entered in a browser, by the hash of its session's secret
ROWS = "sl:rows:"  # rows that the key of an owner has sent on a day of UTC: "owner:day", days since 1970
RATES = "sl:rates"  # what the library `limits` counts requests by
AUDIT = "sl:audit"  # stream: who did what to which ids: key, action, kind, ids apart by spaces
REWRITTEN = "sl:rewritten"  # exists for as long as Redis's append-only file need not be written anew
MODEL = "sl:model"  # version of the model that was taken up last

ACCEPTED = "sl:accepted"  # groups of jobs, and files, that were ever written down, but for canaries
CHECKPOINT = "sl:checkpoint"  # hash: epoch, mark, accepted; former, until. core/ledger/redis/checkpoint.py says what
LOSSES = "sl:losses"  # sorted set: "how since until" of what this ledger lost -> until, ms

CALLBACK_QUEUE = "callbacks"  # list, Celery's: its name there

DONE = "sl:batch:done:"  # hash of a batch: number of a part -> what came of it
TRASH = "sl:batch:trash"  # sorted set: id -> ms from when the store shall hold nothing of it; with a slash, once more

CARD = "sl:card:"  # JSON of a model's card, by its version, for as long as its histograms are kept
SERVED = "sl:served"  # version of the model that a worker was last seen to score with
REFUSED = "sl:refused"  # JSON: which bundle a worker refused last, and why, for as long as one says so
HISTOGRAMS = (
    "sl:drift:"  # hash by version and hour since 1970: "feature=bin" -> patients in it; no two features together
)
OWNED_HISTOGRAMS = "sl:drift-of:"  # the same of one owner's patients alone: by owner, version and hour
