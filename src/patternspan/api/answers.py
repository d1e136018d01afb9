"""Answers as bytes: made once for as long as nothing new was recorded, whoever asks how often."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from patternspan.api.feed import Feed
from patternspan.errors import ConfigError, PatternspanError
from patternspan.model.ids import timestamp
from patternspan.store.query import JobSummary

_KEPT: Final = 256
_MOST_BYTES: Final = 1 << 20
"""Of an answer that is kept."""
_SECONDS: Final = 1.0
"""How long an answer is kept at most: some depend on the time, and on which processes live."""
RUN_NOT_FOUND: Final = "Pattern run not found"

Key = tuple[str, bytes]
"""Path and query."""
encode: Final = msgspec.json.Encoder().encode


class NotHereError(PatternspanError):
    """What was asked for is not there; the message is what is answered."""


class Answers:
    """Makes answers, and keeps some."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._kept: OrderedDict[Key, tuple[int, float, bytes]] = OrderedDict()

    def route_class(self) -> type[APIRoute]:
        """Return the class of routes that give a kept answer, before they look at what their parameters mean."""
        kept_answer = self._kept_answer

        class KeptRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handler = super().get_route_handler()

                async def answer(request: Request) -> Response:
                    return await kept_answer(request) or await handler(request)

                return answer

        return KeptRoute

    async def _kept_answer(self, request: Request) -> Response | None:
        await self._feed.fresh()
        kept = self._kept.get(_key(request))
        if kept is None or self._feed.error or kept[0] != self._feed.seq or time.monotonic() - kept[1] >= _SECONDS:
            return None
        return _json(kept[2])

    async def json(self, request: Request, make: Callable[[], Any]) -> Response:
        """Return what `make` returns as JSON; what it raises, as an error with its status."""
        if self._feed.error:
            return JSONResponse({"error": self._feed.error}, 503)
        key, seq, now = _key(request), self._feed.seq, time.monotonic()
        try:
            body = await run_in_threadpool(lambda: encode(make()))
        except NotHereError as error:
            return JSONResponse({"error": str(error)}, 404)
        except ConfigError as error:
            return JSONResponse({"error": str(error)}, 400)
        except PatternspanError as error:
            return JSONResponse({"error": str(error)}, 503)
        if len(body) <= _MOST_BYTES:
            self._kept[key] = seq, now, body
            self._kept.move_to_end(key)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return _json(body)


def _key(request: Request) -> Key:
    return request.scope["path"], request.scope["query_string"]


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers=_NOT_STORED)


_NOT_STORED: Final = {"Cache-Control": "no-store"}


def job_members(job: JobSummary) -> dict[str, Any]:
    """Return a job as it is answered."""
    return {
        "job_id": job.job_id,
        "runs": job.runs,
        "open": job.open,
        "results": job.results,
        "started_at": timestamp(job.started_us * 1000),
        "last_event_at": timestamp(job.last_us * 1000),
        "total_seconds": job.total_us / 1e6,
    }
