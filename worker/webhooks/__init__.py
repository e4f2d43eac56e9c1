"""Webhooks: calls receivers when jobs and batches have ended."""
