"""Every Redis key of the ledger.

A job is a hash, `sl:job:{id}`. Its id stands in exactly one `sl:index:{state}` (a sorted set in which all scores are
0, so that it is ordered by id, which for UUIDv7 is by time). While the job is open its id stands also in `sl:open`: in
a worker's hands, scored by when the lease ends; on its way to a worker, by minus when it was sent.
"""

JOB = "sl:job:"  # hash: state, rows, patients, started, finished, deliveries, resent, deadline, idem,
#                        scores, model, code, message, replayed_as
INDEX = "sl:index:"  # sorted set of ids, one a state
OPEN = "sl:open"  # sorted set: id -> ms when its lease ends, or minus the ms when it was last sent
DEADLINES = "sl:deadlines"  # sorted set: id -> ms when it expires; only open jobs that have a deadline
QUARANTINE = "sl:quarantine"  # sorted set of ids whose patients are kept for a replay
QUEUE = "interactive"  # list: the messages that hang in Celery's queue; its name there
PASSED = "sl:passed"  # the newest `sent` that the queue has delivered, ms
BACKLOG = "sl:backlog"  # patients in open jobs
DRAINED = "sl:drained:"  # patients taken off the backlog, one counter for each 5 s
IDEMPOTENCY = "sl:idem:"  # "fingerprint id", by hashed key
CLAIMED = "sl:claimed:"  # ids that a claim took, by its token, for as long as it may be made again
CONSUMED = "sl:consumed"  # exists while a job has been scored lately
BEGUN = "sl:begun"  # channel: ids of jobs, apart by spaces, as workers first take them
ENDED = "sl:ended"  # channel: ids of jobs, apart by spaces, as they end or are erased
PROBE = "sl:probe"  # written to see whether the ledger can be

DRAIN_BUCKET_MS = 5_000
