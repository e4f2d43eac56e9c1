"""Says in the OpenAPI document what the gate asks for, so that /docs has its Authorize button."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from api.http.problem import answers
from core.ledger.key import Scope

ScopeOf = Callable[[str, str], Scope | None]
"""Returns what a key must allow for a method and a path."""

SCHEME = "ApiKey"
REFUSALS = answers(401, 403, 429)


def declare_keys(app: FastAPI, scope_of: ScopeOf) -> None:
    """Have the app's document name the scheme, and for each call the scope that a key needs, if it needs one."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        if SCHEME not in schemes:  # the document is made once
            schemes[SCHEME] = {"type": "http", "scheme": "bearer", "bearerFormat": "sl_<prefix>_<secret>"}
            for path, calls in document["paths"].items():
                for method, call in calls.items():
                    declare_call(call, scope_of(method.upper(), path))
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def declare_call(call: dict[str, Any], wanted: Scope | None) -> None:
    """Have a call name the scope that it needs, and how it is refused without."""
    call["security"] = [{SCHEME: [wanted.value]}] if wanted else []
    if wanted:
        for status, answer in REFUSALS.items():
            call["responses"].setdefault(str(status), answer)
