"""Seeing it run: the metrics of every service, declared once, and the ways in which Prometheus reads them.

Knows core. Does not know HTTP routes, Celery or the model: gateway and worker measure themselves with it.
"""
