"""Webhooks: tells receivers of the end of jobs and batches."""
