"""What tests of recording share: events as short values, and the judge that every recorded run has to pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from patternspan import PatternEvent
from patternspan.model.conform import judge_event, judge_lifecycle
from patternspan.model.process import process_in

_TIMES = ("duration_seconds",)


def short(events: Iterable[PatternEvent]) -> list[tuple[str, str]]:
    """Return type and status of events, without the prefix that all types have."""
    return [(event.event_type.removeprefix("pattern."), event.status) for event in events]


def told(events: Iterable[PatternEvent]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return type, status and details of events.

    A time that was measured, and the process of the run, are left out once seen to be such.
    """
    found = []
    for event in events:
        details = dict(event.details)
        if "process" in details:
            assert process_in(details) is not None
            del details["process"]
        for name in _TIMES:
            seconds = details.pop(name, 0.0)
            assert isinstance(seconds, float | int)
            assert 0 <= seconds < 60
        found.append((event.event_type.removeprefix("pattern."), event.status, details))
    return found


def problems(events: Iterable[PatternEvent]) -> list[str]:
    """Return what is wrong with the events of one run, each strictly judged and all together."""
    listed = list(events)
    found = [str(problem) for event in listed for problem in judge_event(event.to_dict(), strict=True)]
    found += [str(problem) for problem in judge_lifecycle(listed)]
    if len({event.pattern_run_id for event in listed}) > 1:
        found.append("events of more than one run")
    return found


def by_run(events: Iterable[PatternEvent]) -> list[list[PatternEvent]]:
    """Return events grouped by run, in the order in which the runs began."""
    runs: dict[str, list[PatternEvent]] = {}
    for event in events:
        runs.setdefault(event.pattern_run_id, []).append(event)
    return list(runs.values())
