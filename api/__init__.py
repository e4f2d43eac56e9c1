"""The gateway: HTTP in, job ids out. Writes jobs down, rings the queue, reads results from the ledger.

Knows core. Does not know the model, numbers, or how a score is made.
"""
