"""The panel: one page and its files, out of the package."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Final

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def add_panel(app: FastAPI, trace_url: str) -> None:
    """Add the page at `/`, its files, and what it has to know of this server."""
    folder = files("patternspan.api") / "static"
    kept = {item.name: item.read_bytes() for item in folder.iterdir() if item.is_file()}

    @app.get("/panel-settings.json", include_in_schema=False)
    async def settings() -> Response:
        return Response(msgspec.json.encode({"trace_url": trace_url}), media_type="application/json")

    def add(path: str, name: str) -> None:
        data = kept[name]
        tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
        kind = _TYPES["." + name.rpartition(".")[2]]

        async def file(request: Request) -> Response:
            headers = {"ETag": tag, "Cache-Control": "no-cache"}
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
            return Response(data, media_type=kind, headers=headers)

        app.add_api_route(path, file, methods=["GET", "HEAD"], include_in_schema=False)

    add("/", "index.html")
    for name in kept:
        if name != "index.html":
            add(f"/{name}", name)
