"""The application: routes, panel and guard together."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from patternspan.api import documents
from patternspan.api.feed import Feed
from patternspan.api.guard import LOOPBACK, Guard
from patternspan.api.panel import add_panel
from patternspan.api.routes import create_router


def create_app(
    root: str | os.PathLike[str] = "state",
    *,
    store: str = "",
    token: str = "",
    hosts: Iterable[str] = LOOPBACK,
    artifacts: Sequence[str] = (),
    trace_url: str = "",
    panel: bool = True,
) -> FastAPI:
    """Return an application of HTTP routes, live streams and the panel over the log of a root.

    - `store`: a path or a URL of PostgreSQL; `patternspan.db` in the root unless said.
    - `token`: what has to be sent, as a bearer or as the cookie that `/?token=…` sets; empty asks for none.
    - `hosts`: names in `Host` that are answered, without ports; add the one under which it is mounted.
    - `artifacts`: folders that artifacts may be read from, besides the root.
    - `trace_url`: where a trace can be seen, with `{trace_id}` in it, such as
      `http://localhost:16686/trace/{trace_id}`.
    - `panel`: whether the page is served too.

    It can be run by itself, or mounted into an application of FastAPI or Starlette; the store is opened at once and
    brought up to date by the first request. Raises ConfigError and StoreError as `Store` does.
    """
    feed = Feed(root, store)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        feed.start()
        yield
        feed.close()

    app = FastAPI(
        title="patternspan",
        version=version("patternspan"),
        description="Pattern runs and their events: what runs, what ran, and why it failed.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses={
            401: {"model": documents.Error, "description": "A token is wanted."},
            403: {"model": documents.Error, "description": "Asked from a page of another site."},
            405: {"model": documents.Error, "description": "Asked with another method than GET or HEAD."},
            413: {"model": documents.Error, "description": "Asked with a body."},
            414: {"model": documents.Error, "description": "Asked with an address that is too long."},
            421: {"model": documents.Error, "description": "Asked under a name that is not this server's."},
        },
    )
    app.state.feed = feed
    app.include_router(create_router(feed, artifacts=artifacts))
    if panel:
        add_panel(app, trace_url)
    app.add_exception_handler(RequestValidationError, _wrong)
    app.add_exception_handler(HTTPException, _refused)
    app.add_middleware(Guard, hosts=[*LOOPBACK, *hosts], token=token)
    app.add_middleware(_Started, feed=feed)
    return app


class _Started:
    """Starts the feed with the first request, where no lifespan has: an application that is mounted gets none."""

    def __init__(self, app: Any, feed: Feed) -> None:
        self._app = app
        self._feed = feed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan" and not self._feed.has_started:
            from starlette.concurrency import run_in_threadpool

            await run_in_threadpool(self._feed.start)
        await self._app(scope, receive, send)


def _wrong(_request: Request, error: Exception) -> Response:
    """Say in one text which parameter is wrong, and how."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = first["loc"][-1] if first["loc"] else "request"
    return JSONResponse({"error": f"{name}: {first['msg']}"}, 422)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, dict(error.headers or {}))
