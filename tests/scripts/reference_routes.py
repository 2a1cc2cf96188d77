"""Prints the routes of the installed reference as JSON: a list of method and path, with `{name}` for what varies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from mlflow.server import app
from mlflow.server.fastapi_app import create_fastapi_app

IMPLIED = {"HEAD", "OPTIONS"}
# What FastAPI says of itself.
SELF = {"/docs", "/docs/oauth2-redirect", "/openapi.json", "/redoc"}


def of_flask() -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
        yield from ((method, path) for method in rule.methods - IMPLIED)


def of_fastapi(routes: Iterable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        # A router within the application.
        if inner := getattr(route, "original_router", None):
            yield from of_fastapi(inner.routes, prefix + route.include_context.prefix)
        elif methods := getattr(route, "methods", None):
            path = prefix + route.path.replace(":path}", "}")
            yield from ((method, path) for method in methods - IMPLIED if path not in SELF)


print(json.dumps(sorted({*of_flask(), *of_fastapi(create_fastapi_app(app).routes)})))
