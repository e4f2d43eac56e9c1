"""Adds the authentication to the OpenAPI document, so that /docs has its Authorize button."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from api.http.problem import describe_problems
from core.ledger.key import Scope

RequiredScope = Callable[[str, str], Scope | None]
"""Returns the scope that a method and a path need, or None if they need no key."""

SCHEME = "ApiKey"
REFUSALS = describe_problems(401, 403, 429)


def declare_keys(app: FastAPI, required_scope: RequiredScope) -> None:
    """Add the security scheme to the app's document, and to each operation the scope that it needs."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        if SCHEME not in schemes:  # the document is made once
            schemes[SCHEME] = {"type": "http", "scheme": "bearer", "bearerFormat": "sl_<prefix>_<secret>"}
            for path, calls in document["paths"].items():
                for method, call in calls.items():
                    declare_call(call, required_scope(method.upper(), path))
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def declare_call(call: dict[str, Any], required: Scope | None) -> None:
    """Add the required scope to an operation, and the responses without a key, without the scope, and above limits."""
    call["security"] = [{SCHEME: [required.value]}] if required else []
    if required:
        for status, answer in REFUSALS.items():
            call["responses"].setdefault(str(status), answer)
