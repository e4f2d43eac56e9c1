"""What all programs share, and nothing else: fields, tables, the ledger, the transport, storage, settings, errors.

Knows pydantic, redis and celery. Does not know HTTP, numbers or models.
"""
