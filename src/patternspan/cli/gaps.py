"""What a log says could not be written, wherever in it that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patternspan.aggregate.gaps import Gap, gap_of
from patternspan.log.reader import STDIN, BadLine
from patternspan.log.search import Query, find_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from patternspan.model.event import PatternEvent


def gaps_in(paths: Sequence[str], since_ns: int | None = None) -> list[Gap]:
    """Return the gaps of these logs, found by their bytes; none of standard input, which is read once only."""
    if STDIN in paths:
        return []
    items = find_in(paths, Query(gaps=True, since_ns=since_ns))
    return gaps_of(item.event for item in items if not isinstance(item, BadLine))


def gaps_of(events: Iterable[PatternEvent], since_ns: int | None = None) -> list[Gap]:
    """Return the gaps that events tell of, those since a time."""
    found = (gap_of(event) for event in events if since_ns is None or event.time_ns >= since_ns)
    return [gap for gap in found if gap is not None]
