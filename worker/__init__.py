"""The worker: takes jobs off the queue, scores them in batches, commits each once; and sweeps up after faults.

Knows the ledger, the queue and the models. Does not know HTTP.
"""
