"""Measures what the service costs, on real processes over loopback; nothing here is a test."""
