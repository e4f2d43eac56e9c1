"""Authentication: the caller of a request, the limits of API keys, and the access log."""
