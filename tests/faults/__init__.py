"""The fault suite: strikes a whole service with kill -9, outages, full disks, poison and more, upgrades it, and counts.

Knows the service from outside: its processes, its HTTP, its signals, its store. Mocks nothing,
and looks into a ledger only to count what is there, to aim, and to cut the time short that a broken upload is held for.

`pytest tests/faults` is the short version; `python -m tests.faults --help` tells of the long one.
"""
