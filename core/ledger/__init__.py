"""The ledger: the durable record of every job, and the only truth about it. The queue only carries notifications.

`protocol` says what any ledger promises; `redis` implements it over Redis, where `lua` holds the scripts.
"""
