"""The producer: simulated patients, sent as a hospital would send them, through the public API only.

Uses HTTP and the committed table of patients; not the ledger, the queue or the model.
"""
