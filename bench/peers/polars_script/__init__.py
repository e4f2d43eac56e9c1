"""The same as a single script, without a service."""
