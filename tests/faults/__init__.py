"""The fault suite: strikes a whole service with kill -9, outages, a full disk, a wrong clock and poison, and counts.

Knows the service from outside: its processes, its HTTP, its signals. Looks into no ledger and mocks nothing.

`pytest tests/faults` is the short version; `python -m tests.faults --help` tells of the long one.
"""
