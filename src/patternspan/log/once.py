"""Each event once: a line whose event id was seen before is left out.

A writer writes a line again where it cannot know that the first one can be read (glued to a torn line, or in a file
that was renamed meanwhile), so the two are near each other. The ids of the newest 100,000 events at least are
remembered, of twice as many at most; farther apart, both are shown. A fold leaves the second out however far it is.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from typing import TYPE_CHECKING, Final

from patternspan.log.reader import BadLine, Item, LogLine
from patternspan.log.search import Query, find_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

REMEMBERED: Final = 100_000


class Seen:
    """The ids of the newest events: two generations of a bounded size."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._now: set[str] = set()
        self._before: set[str] = set()

    def is_new(self, event_id: str) -> bool:
        """Say whether this id is seen for the first time, and remember it."""
        now = self._now
        if event_id in now or event_id in self._before:
            return False
        if len(now) >= self._most:
            self._before, self._now = now, {event_id}
        else:
            now.add(event_id)
        return True


def once(items: Iterable[Item], seen: Seen | None = None) -> Iterator[Item]:
    """Yield bad lines, and each event once."""
    is_new = (Seen() if seen is None else seen).is_new
    for item in items:
        if isinstance(item, BadLine) or is_new(item.event.event_id):
            yield item


def find_once(
    paths: Sequence[str], query: Query, limit: int | None = None, end: int | None = None, seen: Seen | None = None
) -> Iterator[Item]:
    """Yield what `find_in` yields, but each event once; `limit` is of events that are shown."""
    if limit is None:
        yield from once(find_in(paths, query, None, end), seen)
        return
    if not all(map(_can_be_read_again, paths)):
        yield from _newest(once(find_in(paths, query, None, end), seen), limit)
        return
    asked = limit
    while True:
        read = list(find_in(paths, query, asked, end))
        items = list(once(read))
        found, shown = _count(read), _count(items)
        if shown >= limit or found < asked:
            break
        asked += limit - shown
    for item in _newest(iter(items), limit):
        if seen is not None and not isinstance(item, BadLine):
            seen.is_new(item.event.event_id)
        yield item


def _can_be_read_again(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return True  # that it cannot be read is soon said


def _count(items: Sequence[Item]) -> int:
    return sum(isinstance(item, LogLine) for item in items)


def _newest(items: Iterator[Item], limit: int) -> Iterator[Item]:
    kept: deque[LogLine] = deque(maxlen=limit)
    for item in items:
        if isinstance(item, BadLine):
            yield item
        else:
            kept.append(item)
    yield from kept
