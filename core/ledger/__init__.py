"""The ledger: the durable record of every job, and the only truth about it. The queue only carries notifications.

`protocol` says what any ledger promises, `redis.ledger` keeps it in Redis: its keys are in `redis.keys`, its scripts in
`redis/lua`, a file each, of which `redis.scripts` has the list.
"""
