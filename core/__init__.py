"""What all programs share, and nothing else: fields, tables, the ledger, the transport, storage, settings, errors.

Uses pydantic, redis and celery; no web framework, no numpy, no model.
"""
