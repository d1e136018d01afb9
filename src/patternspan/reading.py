"""Events of a log for programs: what was recorded, and what is being recorded.

    for event in patternspan.read_events(run_id="PRUN-…"):
        ...

Logs are found and searched as `patternspan events` does it: the live log after the ones before it, by bytes first, so
that one run is found in a large log quickly. A line that cannot be read stops nothing and is reported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any

from patternspan.errors import ConfigError
from patternspan.log.follow import INTERVAL, end_of, follow
from patternspan.log.locate import logs_of
from patternspan.log.moment import moment
from patternspan.log.reader import BadLine, Item
from patternspan.log.search import Query, find_in
from patternspan.log.seen import Seen
from patternspan.log.segments import LivePart, parts_of
from patternspan.model.event import PatternEvent

__all__ = ["BadLine", "follow_events", "read_events"]

Ids = str | Collection[str] | None
Time = datetime | str | None
OnProblem = Callable[[BadLine], object] | None


def read_events(
    path_or_root: str | os.PathLike[str] | None = None,
    *,
    job_id: Ids = None,
    run_id: Ids = None,
    pattern_id: Ids = None,
    since: Time = None,
    until: Time = None,
    on_problem: OnProblem = None,
) -> Iterator[PatternEvent]:
    """Yield the recorded events that are asked for, each once, in the order of the log.

    `path_or_root` is a root, a folder of logs or one file; by default the configured root. An id may be one or
    several. A time is a datetime (without a zone a local one) or a text: RFC 3339, or `30m`, `2h`, `1d` ago. Each line
    that is passed over is told to `on_problem`: its `path`, its `number` (0: the whole file) and the `reason`. Where
    nothing was recorded yet nothing comes; a file that is not there is a problem, too.

    Raises ConfigError where a time is none. An event that was written twice (as a writer does that cannot know whether
    the first can be read) comes once, as long as the two are among 100,000 events.
    """
    query = _query(job_id, run_id, pattern_id, since, until)
    named = path_or_root is not None and not os.path.isdir(path_or_root)
    paths = [path for path in logs_of(path_or_root) if named or os.path.exists(path)]
    return _events(find_in(paths, query), on_problem)


def follow_events(
    path_or_root: str | os.PathLike[str] | None = None,
    *,
    job_id: Ids = None,
    run_id: Ids = None,
    pattern_id: Ids = None,
    since: Time = None,
    until: Time = None,
    on_problem: OnProblem = None,
    stop: Callable[[], bool] | None = None,
    from_start: bool = False,
) -> Iterator[PatternEvent]:
    """Yield events as they are recorded, until `stop()` says so (without it, for ever).

    What comes first is what is recorded from now on; with `from_start`, or from `since` on, what the log holds already
    comes before that, without a gap or a repetition in between. The other arguments are those of `read_events`. The
    log may come later than its follower, and be rotated or removed meanwhile. `stop` is asked several times a second,
    each time after all that has come was given.
    """
    query = _query(job_id, run_id, pattern_id, since, until)
    earlier = from_start or since is not None
    return _events(_from_now_on(logs_of(path_or_root), query, stop or (lambda: False), earlier=earlier), on_problem)


def _from_now_on(paths: list[str], query: Query, stop: Callable[[], bool], *, earlier: bool) -> Iterator[Item]:
    live = paths[-1]
    start, seen = end_of(live), Seen()
    if earlier:
        parts = parts_of(live, start)
        yield from find_in(parts if isinstance(live, LivePart) else parts[-1:], query, seen=seen)
    for item in follow(live, start, stop=stop, sleep=time.sleep, interval=INTERVAL, seen=seen):
        if isinstance(item, BadLine) or query.matches(item.event):
            yield item


def _events(items: Iterator[Item], on_problem: OnProblem) -> Iterator[PatternEvent]:
    for item in items:
        if not isinstance(item, BadLine):
            yield item.event
        elif on_problem is not None:
            on_problem(item)


def _query(job_id: Ids, run_id: Ids, pattern_id: Ids, since: Time, until: Time) -> Query:
    now = time.time_ns()
    return Query(
        job_ids=_ids(job_id),
        run_ids=_ids(run_id),
        pattern_ids=_ids(pattern_id),
        since_ns=_moment("since", since, now),
        until_ns=_moment("until", until, now),
    )


def _ids(given_ids: Ids) -> frozenset[str]:
    if given_ids is None:
        return frozenset()
    return frozenset({given_ids} if isinstance(given_ids, str) else given_ids)


def _moment(name: str, value: Any, now_ns: int) -> int | None:
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, datetime) else value
    found = moment(text, now_ns) if isinstance(text, str) else None
    if found is None:
        raise ConfigError(f"{name}: {value!r} is no time: a datetime, 90s, 30m, 1h, 2d, 1w, or RFC 3339")
    return found
