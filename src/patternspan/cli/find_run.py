"""The one run that a person means by the beginning of its id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from patternspan.aggregate.plain import visible_in
from patternspan.aggregate.timeline import local_time
from patternspan.cli.options import run_id
from patternspan.errors import AmbiguousIdError, NotFoundError
from patternspan.log.reader import STDIN, BadLine, Item, read_all
from patternspan.log.search import Query, find_in
from patternspan.model.ids import RUN_PREFIX, ULID

if TYPE_CHECKING:
    from patternspan.model.event import PatternEvent
    from patternspan.store import Store

_MOST_SHOWN = 10
Search = Callable[[Query], Iterable[Item]]


def run_events(paths: Sequence[str], text: str) -> tuple[list[PatternEvent], list[BadLine]]:
    """Return the events of the run whose id is `text` or alone begins with it, in any case.

    Raises NotFoundError that lists the candidates where there are several, or says that there is none.
    """
    search = _searcher(paths)
    whole = run_id(text)
    if re.fullmatch(RUN_PREFIX + ULID, whole) is not None:
        events, bad = _events(search, Query(run_ids=frozenset({whole})))
    else:
        events, bad = _events(search, Query(run_prefix=text.strip()))
        if not events and text != text.lower():
            events, bad = _events(search, Query(run_prefix=text.strip().lower()))
    if not events:
        raise NotFoundError(f"{text}: no run has this id, and none begins with it\n  All runs: patternspan runs")
    if len(events) == 1:
        return next(iter(events.values())), bad
    exact = next((name for name in (whole, RUN_PREFIX + whole) if name in events), None)
    if exact is None:
        raise AmbiguousIdError(_ambiguous(text, [members[0] for members in events.values()], len(events)))
    return _events(search, Query(run_ids=frozenset({exact})))[0][exact], bad


def run_in_store(store: Store, text: str) -> list[PatternEvent]:
    """Return the events of the run whose id is `text` or alone begins with it; none where the store has none.

    Raises NotFoundError that lists the candidates where there are several.
    """
    whole = run_id(text)
    exact = store.run(whole) or store.run(RUN_PREFIX + whole)
    if exact is not None:
        return exact.events
    bare = text.strip()
    upper = RUN_PREFIX + bare.upper().removeprefix(RUN_PREFIX)
    found = sorted({one for start in (bare, upper) for one in store.ids_that_begin(start)})
    runs = [one.events for one in map(store.run, found[-_MOST_SHOWN:]) if one is not None]
    if len(runs) > 1:
        raise AmbiguousIdError(_ambiguous(text, [events[0] for events in runs], len(found)))
    return runs[0] if runs else []


def _searcher(paths: Sequence[str]) -> Search:
    if STDIN not in paths:
        return lambda query: find_in(paths, query)
    # What was read from a pipe cannot be read again.
    items = [item for path in paths for item in read_all(path)]
    return lambda query: [item for item in items if isinstance(item, BadLine) or query.matches(item.event)]


def _events(search: Search, query: Query) -> tuple[dict[str, list[PatternEvent]], list[BadLine]]:
    """Return events by run; of many runs the first event each."""
    events: dict[str, list[PatternEvent]] = {}
    bad: list[BadLine] = []
    for item in search(query):
        if isinstance(item, BadLine):
            bad.append(item)
        elif len(events) <= _MOST_SHOWN or item.event.pattern_run_id not in events:
            events.setdefault(item.event.pattern_run_id, []).append(item.event)
    return events, bad


def _ambiguous(text: str, candidates: list[PatternEvent], count: int) -> str:
    newest = sorted(candidates, key=lambda event: event.time_ns, reverse=True)
    lines = [f"{text}: {count} runs begin with it"]
    for event in newest[:_MOST_SHOWN]:
        day, clock = local_time(event.time_ns)
        run, pattern = visible_in(event.pattern_run_id, 64), visible_in(event.pattern_id, 64)
        lines.append(f"  {run}  {pattern}  {day} {clock}")
    if count > _MOST_SHOWN:
        lines.append(f"  and {count - _MOST_SHOWN} older ones")
    return "\n".join(lines)
