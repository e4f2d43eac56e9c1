"""The ledger: the durable record of every job, and the only truth about it. The queue is but its bell.

`protocol` says what any ledger promises, `scripts` holds every Redis key and every Lua script,
`redis_ledger` runs them.
"""
