"""Scores one part of a file: bytes in, bytes out.

Knows the forms that a file comes in, and numbers. Does not know the queue, the ledger, or where files are kept.
"""
