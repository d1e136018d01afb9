"""The routes about the server itself."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from patternspan.api import documents
from patternspan.api.feed import Feed


def add_health(router: APIRouter, feed: Feed) -> None:
    """Add these routes."""

    @router.get(
        "/healthz", response_model=documents.Health, tags=["server"], summary="Whether the store is up to date",
        responses={503: {"model": documents.Health, "description": "It cannot be used."}},
    )  # fmt: skip
    async def health() -> Response:
        await feed.fresh()
        status = "failing" if feed.error else "ok"
        return JSONResponse({"status": status, "error": feed.error}, 503 if feed.error else 200)

    @router.get(
        "/metrics", tags=["server"], response_class=PlainTextResponse, summary="The same for Prometheus",
        responses={200: {"content": {"text/plain": {"example": "patternspan_up 1\n"}}}},
    )  # fmt: skip
    async def metrics() -> Response:
        await feed.fresh()
        tallies = {} if feed.error else await run_in_threadpool(feed.store.statistics)
        return Response(_exposition(feed, tallies), media_type="text/plain; version=0.0.4; charset=utf-8")


def _exposition(feed: Feed, statistics: dict[str, Any]) -> str:
    results: dict[str, int] = {}
    running = 0
    for found in statistics.values():
        running += found.open
        for result, count in found.results.items():
            results[result] = results.get(result, 0) + count
    lines = [
        "# HELP patternspan_up Whether the store is up to date with the log.",
        "# TYPE patternspan_up gauge",
        f"patternspan_up {0 if feed.error else 1}",
        "# HELP patternspan_streams Streams that are open.",
        "# TYPE patternspan_streams gauge",
        f"patternspan_streams {feed.listeners}",
        "# HELP patternspan_runs_open Runs without an end in the store.",
        "# TYPE patternspan_runs_open gauge",
        f"patternspan_runs_open {running}",
        "# HELP patternspan_runs Runs in the store that have ended, by result.",
        "# TYPE patternspan_runs gauge",
        *(f'patternspan_runs{{result="{_label(result)}"}} {count}' for result, count in sorted(results.items())),
    ]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
