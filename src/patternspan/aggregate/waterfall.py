"""Where a run's time went: its phases, each with where it begins and how long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.model.vocabulary import TEMPLATE_EXPANDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patternspan.model.event import PatternEvent

_BEGINS: Final = ".started"


class Phase(msgspec.Struct, frozen=True):
    """One phase of a run, in nanoseconds from the run's first event."""

    name: str
    start_ns: int
    end_ns: int
    status: str
    """Status of the event that ended it, `in_progress` while there is none."""
    ended: bool = True


class Waterfall(msgspec.Struct, frozen=True):
    """The phases of one run and the time that all of it takes."""

    phases: list[Phase]
    total_ns: int


def waterfall(events: Sequence[PatternEvent], now_ns: int, ended: bool = True) -> Waterfall:
    """Return the phases that events in order tell of; a phase without an end lasts until `now_ns`.

    Where the run itself has ended, such a phase lasts until the last event.
    """
    if not events:
        return Waterfall([], 0)
    origin = events[0].time_ns
    last = max(events[-1].time_ns, origin)
    close = last if ended else max(last, now_ns)
    phases: list[Phase] = []
    began: dict[str, int] = {}
    previous = origin
    for event in events:
        name, verb = _phase_of(event)
        at = max(event.time_ns, origin)
        if verb == _BEGINS:
            began.setdefault(name, at)
        elif event.event_type == TEMPLATE_EXPANDED:
            phases.append(Phase(name, previous - origin, at - origin, event.status))
        elif name:
            start = began.pop(name, previous)
            phases.append(Phase(name, start - origin, at - origin, event.status))
        previous = at
    phases += [Phase(name, at - origin, close - origin, "in_progress", ended=False) for name, at in began.items()]
    phases.sort(key=lambda phase: phase.start_ns)
    return Waterfall(phases, close - origin)


def _phase_of(event: PatternEvent) -> tuple[str, str]:
    """Return the phase and whether the event begins it; of a foreign type nothing is known."""
    parts = event.event_type.split(".")
    if len(parts) != 3 or parts[0] != "pattern":
        return "", ""
    return parts[1], _BEGINS if parts[2] == "started" else "." + parts[2]


def cells(phase: Phase, total_ns: int, columns: int) -> tuple[int, int]:
    """Return where a phase's bar begins and how long it is, of `columns` cells; it is one cell at least."""
    if total_ns <= 0 or columns <= 0:
        return 0, max(0, columns)
    start = min(columns - 1, phase.start_ns * columns // total_ns)
    stop = -(-phase.end_ns * columns // total_ns)
    return start, min(columns, max(start + 1, stop)) - start
