"""Events of a log that answer a query, found by searching bytes and decoding only the lines that hit."""

from __future__ import annotations

import os
import re
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.log.reader import (
    BadLine,
    Item,
    LineNumbers,
    LogLine,
    is_plain,
    open_log,
    read_found,
    read_stream,
)
from patternspan.log.scan import CHUNK, backward, next_line, scan
from patternspan.model.ids import RUN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from patternspan.model.event import PatternEvent

BLOCK: Final = 64 * 1024
SLACK_NS: Final = 5 * 60 * 1_000_000_000
"""How far a line of a log may be out of order in time, at most, for `since` and `until` to be exact."""

_MOST_NEEDLES: Final = 16
_SAFE: Final = re.compile(r"[A-Za-z0-9._:-]+")


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for: of each member any of its values will do, and an empty one is not asked about."""

    job_ids: frozenset[str] = frozenset()
    run_ids: frozenset[str] = frozenset()
    pattern_ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    run_prefix: str = ""
    """The beginning of a run id, with `PRUN-` or without, in any case where the id is in upper case."""
    since_ns: int | None = None
    until_ns: int | None = None
    gaps: bool = False
    """Only events whose line tells that others could not be written."""

    def matches(self, event: PatternEvent) -> bool:
        """Say whether this event is asked for."""
        return (
            (not self.run_ids or event.pattern_run_id in self.run_ids)
            and (not self.job_ids or event.job_id in self.job_ids)
            and (not self.pattern_ids or event.pattern_id in self.pattern_ids)
            and (not self.types or event.event_type in self.types)
            and (not self.statuses or event.status in self.statuses)
            and (self.since_ns is None or event.time_ns >= self.since_ns)
            and (self.until_ns is None or event.time_ns <= self.until_ns)
            and (not self.gaps or "gap" in event.extra)
            and (not self.run_prefix or _begins(event.pattern_run_id, self.run_prefix))
        )

    def needles(self) -> tuple[bytes, ...]:
        """Return bytes one of which stands in each line asked for; empty where any line may be."""
        if self.gaps:
            return (b'"gap"',)
        bare = self.run_prefix[len(RUN_PREFIX) :] if _begins(self.run_prefix, RUN_PREFIX) else self.run_prefix
        prefixes = {bare, bare.upper()} if bare else set()
        for values in (self.run_ids, prefixes, self.job_ids, self.pattern_ids, self.types):
            found = {needle(value) for value in values}
            if found and b"" not in found and len(found) <= _MOST_NEEDLES:
                return tuple(sorted(found))
        return ()


def _begins(run_id: str, prefix: str) -> bool:
    start = prefix.casefold()
    return run_id.casefold().startswith((start, RUN_PREFIX.casefold() + start))


def needle(text: str) -> bytes:
    """Return the longest part of `text` that every JSON writer writes as it stands."""
    return max(_SAFE.findall(text), key=len, default="").encode()


def find(path: str, query: Query, limit: int | None = None, end: int | None = None) -> Iterator[Item]:
    """Yield the events of a log that match, and the bad lines among the lines that were looked at.

    With `limit` only the newest so many events, in the order of the file, read from its end.
    `end` is the offset of a line before which to stop, where the file is not to be read to its end.
    """
    opened = open_log(path)
    if isinstance(opened, BadLine):
        yield opened
        return
    try:
        if not is_plain(opened, path):
            yield from _newest(_matching(read_stream(path, opened, query.needles()), query), limit)
        elif limit is None:
            yield from _forward(path, opened, query, end)
        else:
            yield from _from_end(path, opened, query, limit, end)
    except OSError as error:
        yield BadLine(path, 0, error.strerror or str(error))
    finally:
        os.close(opened)


def _newest(items: Iterator[Item], limit: int | None) -> Iterator[Item]:
    if limit is None:
        yield from items
        return
    kept: deque[LogLine] = deque(maxlen=limit)
    for item in items:
        if isinstance(item, BadLine):
            yield item
        else:
            kept.append(item)
    yield from kept


def _matching(items: Iterator[Item], query: Query) -> Iterator[Item]:
    late = None if query.until_ns is None else query.until_ns + SLACK_NS
    for item in items:
        if isinstance(item, BadLine) or query.matches(item.event):
            yield item
        elif late is not None and item.event.time_ns > late:
            return


def _forward(path: str, descriptor: int, query: Query, end: int | None) -> Iterator[Item]:
    size = os.fstat(descriptor).st_size if end is None else end
    start = 0 if query.since_ns is None else offset_since(descriptor, size, query.since_ns)
    found = scan(descriptor, start, end, query.needles())
    yield from _matching(read_found(path, found, LineNumbers(descriptor).at), query)


def _from_end(path: str, descriptor: int, query: Query, limit: int, end: int | None) -> Iterator[Item]:
    size = os.fstat(descriptor).st_size if end is None else end
    start = 0 if query.since_ns is None else offset_since(descriptor, size, query.since_ns)
    room = bytearray(CHUNK)
    needles = query.needles()
    numbers = LineNumbers(descriptor)
    ranges: list[list[LogLine]] = []
    missing = limit
    for begin, stop in backward(descriptor, start, size):
        if missing <= 0:
            break
        found = scan(descriptor, begin, stop, needles, room=room)
        events: list[LogLine] = []
        for item in read_found(path, found, numbers.at):
            if isinstance(item, BadLine):
                yield item
            elif query.matches(item.event):
                events.append(item)
        ranges.append(events[-missing:])
        missing -= len(ranges[-1])
    for events in reversed(ranges):
        yield from events


def find_in(paths: Sequence[str], query: Query, limit: int | None = None, end: int | None = None) -> Iterator[Item]:
    """Yield what `find` yields of several logs, the oldest first; `limit` is for all of them together."""
    if limit is None:
        for path in paths:
            yield from find(path, query, None, end)
        return
    parts: list[list[Item]] = []
    for path in reversed(paths):
        if limit <= 0:
            break
        parts.append(list(find(path, query, limit, end)))
        limit -= sum(isinstance(item, LogLine) for item in parts[-1])
    for part in reversed(parts):
        yield from part


def offset_since(descriptor: int, size: int, since_ns: int, *, block: int = BLOCK, slack_ns: int = SLACK_NS) -> int:
    """Return the offset of a line before which all events are older than `since_ns`.

    Found from the end, in steps that double, and then by halving, so that some blocks are read of any file.
    Exact for a log in which no line is out of order by more than `slack_ns`.
    """
    cutoff = since_ns - slack_ns
    blocks = -(-size // block)
    high, step = blocks, 1
    low = max(0, blocks - 1)
    while low > 0 and not _is_older(descriptor, low, high, block, size, cutoff):
        high = low
        step *= 2
        low = max(0, blocks - step)
    # All before block `low` + 1 is older, or `low` is 0; `high` is not known to be older.
    if low == 0 and (high == 0 or not _is_older(descriptor, 0, high, block, size, cutoff)):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        if _is_older(descriptor, middle, high, block, size, cutoff):
            low = middle
        else:
            high = middle
    return next_line(descriptor, (low + 1) * block, size)


def _is_older(descriptor: int, first: int, last: int, block: int, size: int, cutoff: int) -> bool:
    """Say whether the first block from `first` on in which an event begins holds older events only.

    Blocks without the beginning of a readable line tell nothing; where there are only such, the answer is no.
    """
    room = bytearray(2 * block)
    for number in range(first, last):
        begin = next_line(descriptor, number * block, size)
        stop = next_line(descriptor, (number + 1) * block, size)
        times = [
            item.event.time_ns
            for item in read_found("", scan(descriptor, begin, stop, room=room), _no_number)
            if isinstance(item, LogLine)
        ]
        if times:
            return max(times) < cutoff
    return False


def _no_number(_offset: int) -> int:
    return 0
