"""The routes for files that runs have left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from patternspan.api import documents, kept_files
from patternspan.api.answers import RUN_NOT_FOUND
from patternspan.api.asking import BAD, MISSING, Id, is_abandoned
from patternspan.api.feed import Feed
from patternspan.layout import tool_log
from patternspan.store import RecordedRun

_NOT_SERVED: Final = "It is in none of the folders that artifacts are served from: --artifacts names one"
_Range = Annotated[str | None, Header(alias="Range", max_length=100)]
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": {"example": "2 failed, 10 passed\n"}}, "description": "The whole file."},
    206: {"content": {"text/plain": {}}, "description": "The part that `Range` asks for."},
    404: MISSING[404],
    416: {"model": documents.Error, "description": "Nothing of that part is there."},
    422: BAD[422],
    503: BAD[503],
}


def add_files(router: APIRouter, feed: Feed, artifacts: Sequence[str]) -> None:
    """Add these routes."""

    async def known(run_id: str) -> RecordedRun | None:
        await feed.fresh()
        return await run_in_threadpool(feed.store.run, run_id)

    @router.get(
        "/api/pattern-runs/{pattern_run_id}/logs", responses=_FILE, tags=["runs"], response_class=Response,
        summary="What its tool wrote, as it is",
    )  # fmt: skip
    async def logs(
        pattern_run_id: Id,
        stream: Annotated[str, Query(pattern="^(stdout|stderr)$", description="`stdout` or `stderr`.")] = "stdout",
        follow: Annotated[bool, Query(description="Go on until the run has ended.")] = False,
        part: _Range = None,
    ) -> Response:
        found = await known(pattern_run_id)
        if found is None:
            return kept_files.missing(RUN_NOT_FOUND)
        path = tool_log(feed.root, found.run.pattern_run_id, stream)
        file = await run_in_threadpool(kept_files.opened_within, path, [f"{feed.root}/logs"])
        if file is None:
            return kept_files.missing(f"No {stream} was kept of this run")
        if not follow:
            return kept_files.file_answer(file, part, kept_files.TEXT, {})
        start = (kept_files.span_of(part, 1 << 62) or (0, 0))[0]

        def is_over() -> bool:
            now = feed.store.run(pattern_run_id)
            return feed.is_over or now is None or now.run.finished_at is not None or is_abandoned(now)

        return StreamingResponse(kept_files.tail(file, start, is_over), media_type=kept_files.TEXT)

    @router.get(
        "/api/pattern-runs/{pattern_run_id}/artifacts/{number}", responses=_FILE, tags=["runs"],
        response_class=Response, summary="One of its artifacts, counted from 0",
    )  # fmt: skip
    async def artifact(
        pattern_run_id: Id,
        number: Annotated[int, Path(ge=0, le=1_000_000)],
        part: _Range = None,
    ) -> Response:
        found = await known(pattern_run_id)
        if found is None:
            return kept_files.missing(RUN_NOT_FOUND)
        if number >= len(found.run.artifacts):
            return kept_files.missing(f"This run has {len(found.run.artifacts)} artifacts")
        path = found.run.artifacts[number]
        file = await run_in_threadpool(kept_files.artifact_file, path, artifacts)
        if file is None:
            return kept_files.missing(_NOT_SERVED)
        return kept_files.artifact_answer(file, path, part)
