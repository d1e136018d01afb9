"""The routes for questions to the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from patternspan.aggregate.diff import compare
from patternspan.aggregate.filter import Filter
from patternspan.api import documents
from patternspan.api.answers import Answers, NotHereError, job_members
from patternspan.api.asking import BAD, MISSING, Cursor, Id, Ids, Limit, Time, found_run, moment_ns, newest, page_of
from patternspan.api.feed import Feed
from patternspan.api.file_routes import add_files
from patternspan.api.server_routes import add_health
from patternspan.api.streams import add_streams
from patternspan.errors import ConfigError
from patternspan.model.ids import instant

_RECENT: Final = 30


def create_router(feed: Feed, *, artifacts: Sequence[str] = ()) -> APIRouter:
    """Return the routes, read-only and without a guard: for an engine that has its own.

    `feed` is started and closed by whoever makes it. `artifacts` are folders that artifacts may be read from, besides
    the root.
    """
    answers = Answers(feed)
    router = APIRouter(route_class=answers.route_class())
    _add_jobs(router, feed, answers)
    _add_runs(router, feed, answers)
    add_files(router, feed, [feed.root, *artifacts])
    _add_patterns(router, feed, answers)
    add_streams(router, feed)
    add_health(router, feed)
    return router


def _add_jobs(router: APIRouter, feed: Feed, answers: Answers) -> None:
    @router.get("/api/jobs", response_model=documents.Jobs, responses=BAD, tags=["jobs"], summary="Jobs")
    async def jobs(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        def make() -> Any:
            last = newest(feed)
            found, more = feed.store.jobs(limit, cursor)
            return {"jobs": list(map(job_members, found)), "cursor": more, "last_event_id": last}

        return await answers.json(request, make)

    @router.get(
        "/api/jobs/{job_id}/pattern-events", response_model=documents.Events, responses=BAD, tags=["jobs"],
        summary="Events of a job, by timestamp",
    )  # fmt: skip
    async def events(
        request: Request, job_id: Id, after: Cursor = None, limit: Annotated[int, Query(ge=1, le=5000)] = 500
    ) -> Response:
        def make() -> Any:
            last = newest(feed)
            found = feed.store.events_of_job(job_id)
            start = 0
            if after is not None:
                time_text, _, event_id = after.partition("~")
                if not event_id or not time_text.removeprefix("-").isdecimal() or len(time_text) > 22:
                    raise ConfigError(f"after: {after!r:.80} is none: take the cursor of the page before")
                place = (int(time_text), event_id)
                start = sum((instant(event.timestamp), event.event_id) <= place for event in found)
            some = found[start : start + limit]
            cursor = f"{instant(some[-1].timestamp)}~{some[-1].event_id}" if start + limit < len(found) else None
            return {"events": [event.to_dict() for event in some], "cursor": cursor, "last_event_id": last}

        return await answers.json(request, make)

    @router.get(
        "/api/jobs/{job_id}/pattern-runs", response_model=documents.Runs, responses=BAD, tags=["jobs"],
        summary="Runs of a job, the newest first",
    )  # fmt: skip
    async def runs(request: Request, job_id: Id, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return await answers.json(request, lambda: page_of(feed, Filter(job_ids=frozenset({job_id})), limit, cursor))

    @router.get(
        "/api/jobs/{job_id}/pattern-summary", response_model=documents.Summary, responses=MISSING, tags=["jobs"],
        summary="A job in figures",
    )  # fmt: skip
    async def summary(request: Request, job_id: Id) -> Response:
        def make() -> Any:
            asked = Filter(job_ids=frozenset({job_id}))
            job = feed.store.job(job_id)
            if job is None:
                raise NotHereError("Job not found")
            whole = feed.store.statistics(asked, "job_id")[job.job_id]
            return {"job": job_members(job), "statistics": whole, "patterns": feed.store.statistics(asked)}

        return await answers.json(request, make)


def _add_runs(router: APIRouter, feed: Feed, answers: Answers) -> None:
    @router.get(
        "/api/pattern-runs", response_model=documents.Runs, responses=BAD, tags=["runs"],
        summary="Runs by filter, the newest first",
    )  # fmt: skip
    async def runs(
        request: Request,
        *,
        limit: Limit = 50,
        cursor: Cursor = None,
        job_id: Ids,
        step_id: Ids,
        pattern_id: Ids,
        operation_kind: Ids,
        status: Ids,
        result: Ids,
        since: Time = None,
        until: Time = None,
        text: Annotated[str, Query(max_length=400, description="In the command or the error, in any case.")] = "",
        longer_than: Annotated[float | None, Query(ge=0, le=1e9, description="Seconds.")] = None,
        has_artifact: bool | None = None,
    ) -> Response:
        def make() -> Any:
            first, last = moment_ns(since, "since"), moment_ns(until, "until")
            asked = Filter(
                job_ids=frozenset(job_id),
                step_ids=frozenset(step_id),
                pattern_ids=frozenset(pattern_id),
                operation_kinds=frozenset(operation_kind),
                statuses=frozenset(status),
                results=frozenset(result),
                since_us=None if first is None else -(-first // 1000),
                until_us=None if last is None else last // 1000,
                text=text,
                longer_than_us=None if longer_than is None else round(longer_than * 1e6),
                has_artifact=has_artifact,
            )
            return page_of(feed, asked, limit, cursor)

        return await answers.json(request, make)

    @router.get(
        "/api/pattern-runs/{pattern_run_id}", response_model=documents.Run, responses=MISSING, tags=["runs"],
        summary="One run",
    )  # fmt: skip
    async def run(request: Request, pattern_run_id: Id) -> Response:
        return await answers.json(request, lambda: found_run(feed, pattern_run_id).run)

    @router.get(
        "/api/pattern-runs/{pattern_run_id}/events", response_model=documents.Events, responses=MISSING, tags=["runs"],
        summary="Its events, in order",
    )  # fmt: skip
    async def events(request: Request, pattern_run_id: Id) -> Response:
        def make() -> Any:
            last = newest(feed)
            found = found_run(feed, pattern_run_id)
            return {"events": [event.to_dict() for event in found.events], "cursor": None, "last_event_id": last}

        return await answers.json(request, make)

    @router.get(
        "/api/pattern-runs/{pattern_run_id}/diff/{other_id}", response_model=documents.Diff, responses=MISSING,
        tags=["runs"], summary="What is different about two runs",
    )  # fmt: skip
    async def diff(request: Request, pattern_run_id: Id, other_id: Id) -> Response:
        def make() -> Any:
            one, other = found_run(feed, pattern_run_id).run, found_run(feed, other_id).run
            pairs = [pair for pair in compare(one, other) if pair.differs]
            return {"one": one.pattern_run_id, "other": other.pattern_run_id, "differences": pairs}

        return await answers.json(request, make)


def _add_patterns(router: APIRouter, feed: Feed, answers: Answers) -> None:
    @router.get(
        "/api/patterns", response_model=documents.Patterns, responses=BAD, tags=["patterns"],
        summary="Statistics by pattern",
    )  # fmt: skip
    async def patterns(request: Request, since: Time = None, until: Time = None) -> Response:
        def make() -> Any:
            first, last = moment_ns(since, "since"), moment_ns(until, "until")
            asked = Filter(
                since_us=None if first is None else -(-first // 1000), until_us=None if last is None else last // 1000
            )
            return {"patterns": feed.store.statistics(asked)}

        return await answers.json(request, make)

    @router.get(
        "/api/patterns/{pattern_id}", response_model=documents.Pattern, responses=MISSING, tags=["patterns"],
        summary="One pattern, and its last runs",
    )  # fmt: skip
    async def pattern(request: Request, pattern_id: Id) -> Response:
        def make() -> Any:
            asked = Filter(pattern_ids=frozenset({pattern_id}))
            found = feed.store.statistics(asked).get(pattern_id)
            if found is None:
                raise NotHereError("Pattern not found")
            recent = [one.run for one in feed.store.page(asked, _RECENT).runs]
            members = ("pattern_run_id", "status", "started_at", "duration_seconds")
            rows = [{name: getattr(run, name) for name in members} for run in recent]
            return {"pattern_id": pattern_id, "statistics": found, "recent": rows}

        return await answers.json(request, make)
