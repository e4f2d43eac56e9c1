"""The worker: takes jobs off the queue, scores them in batches, commits each once; sweeps up; notifies.

Knows the ledger, the queue and the models. Serves no HTTP; only the courier speaks it, to tell who asked to be told.
"""
