"""The gateway: HTTP in, job ids out. It records jobs, notifies the workers, and reads results from the ledger.

It imports core, but neither the model nor numpy: it does not know how a score is computed.
"""
