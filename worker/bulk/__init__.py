"""Scores one part of a file: bytes in, bytes out.

Uses the formats of files, and numpy; only `scoring` uses the queue, the ledger and the object store.
"""
