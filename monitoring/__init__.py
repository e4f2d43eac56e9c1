"""Monitoring: metrics, drift, the log and traces; gateway and worker measure themselves with it.

Knows core. Does not know HTTP routes, Celery or the model.
"""
