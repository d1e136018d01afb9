"""What questions have in common: their parameters, how their errors look in OpenAPI, and runs as they are answered."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

from fastapi import Path, Query

from patternspan.aggregate.abandoned import why_abandoned
from patternspan.aggregate.filter import Filter
from patternspan.api import documents
from patternspan.api.answers import RUN_NOT_FOUND, NotHereError
from patternspan.api.feed import Feed
from patternspan.errors import ConfigError
from patternspan.log.moment import moment
from patternspan.log.processes import Processes
from patternspan.model.process import process_of
from patternspan.store import RecordedRun

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=400, description="That of the page before.")]
Id = Annotated[str, Path(max_length=400)]
Ids = Annotated[list[str], Query(default_factory=list, max_length=100, description="Any of these.")]
Time = Annotated[str | None, Query(max_length=64, description="ISO 8601, or a length of time ago: 30m, 1h, 2d.")]

BAD: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": documents.Error, "description": "A parameter is wrong; the text says which."},
    422: {"model": documents.Error, "description": "A parameter is not of its kind; the text says which."},
    503: {"model": documents.Error, "description": "The store cannot be used; the text says why."},
}
MISSING: Final[dict[int | str, dict[str, Any]]] = {
    **BAD,
    404: {"model": documents.Error, "description": "It is not there."},
}


def newest(feed: Feed) -> str | None:
    """Return the id of the newest event, for a stream to go on behind."""
    found = feed.store.events_after(feed.seq - 1, 1)
    return found[0][1].event_id if found else None


def page_of(feed: Feed, asked: Filter, limit: int, cursor: str | None) -> dict[str, Any]:
    """Return a page of runs as it is answered."""
    last = newest(feed)
    page = feed.store.page(asked, limit, cursor)
    abandoned = [one.run.pattern_run_id for one in page.runs if is_abandoned(one)]
    return {
        "runs": [one.run for one in page.runs],
        "abandoned": abandoned,
        "cursor": page.cursor,
        "last_event_id": last,
    }


def is_abandoned(one: RecordedRun) -> bool:
    """Say whether a run has no end and cannot get one."""
    if one.run.finished_at is not None:
        return False
    state = Processes().state(process_of(one.events))
    return why_abandoned(one.events, state, time.time_ns(), None) is not None


def moment_ns(text: str | None, name: str) -> int | None:
    """Return the time in a parameter. Raises ConfigError where it is none."""
    if text is None:
        return None
    found = moment(text.replace(" ", "+") if "T" in text else text, time.time_ns())
    if found is None or not -(1 << 62) < found < 1 << 62:
        raise ConfigError(f"{name}: {text!r:.80} is no time: ISO 8601, or a length of time ago such as 30m, 1h, 2d")
    return found


def found_run(feed: Feed, run_id: str) -> RecordedRun:
    """Return a run. Raises NotHereError where it is not there."""
    found = feed.store.run(run_id)
    if found is None:
        raise NotHereError(RUN_NOT_FOUND)
    return found
