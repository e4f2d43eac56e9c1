"""How both clients speak HTTP: the same time limits and headers."""

from typing import Any
from urllib.parse import urlsplit

import httpx2

from scoreline_client.steps import Send

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def settings(url: str, api_key: str | None, timeout_s: float) -> dict[str, Any]:
    """Return the arguments of an HTTP client for the service at this URL."""
    return {
        "base_url": url,
        "timeout": httpx2.Timeout(timeout_s, pool=None),
        "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
        "trust_env": urlsplit(url).hostname not in LOOPBACK,  # a proxy cannot reach this very machine
    }


def limit(send: Send, timeout_s: float) -> dict[str, Any]:
    """Return the request with its time limit: who asks the service to wait must wait as long, and one limit more."""
    return send.request | {"timeout": httpx2.Timeout(timeout_s, read=timeout_s + send.wait_s, pool=None)}
