"""What two rooms must agree on, and nothing else: types, the ledger, the queue, settings, errors.

Knows pydantic, redis and celery. Does not know HTTP, numbers or models.
"""
