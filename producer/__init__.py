"""The producer: patients who come and go, as a hospital would send them, through the public API only.

Knows HTTP and the committed table of patients. Does not know the ledger, the queue or the model.
"""
