"""The floor of latency: a Celery task that does nothing."""
