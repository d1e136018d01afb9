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
    read_found,
    read_packed,
    read_stream,
    unpacked,
)
from patternspan.log.scan import CHUNK, backward, next_line, scan
from patternspan.log.seen import Seen
from patternspan.log.segments import LivePart, Opened, Part, opened, opened_live, steady, within
from patternspan.log.since import SLACK_NS, offset_since
from patternspan.model.ids import RUN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from patternspan.model.event import PatternEvent

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
    event_id: str = ""

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
            and (not self.event_id or event.event_id == self.event_id)
            and (not self.run_prefix or _begins(event.pattern_run_id, self.run_prefix))
        )

    def needles(self) -> tuple[bytes, ...]:
        """Return bytes one of which stands in each line asked for; empty where any line may be."""
        if self.gaps:
            return (b'"gap"',)
        bare = self.run_prefix[len(RUN_PREFIX) :] if _begins(self.run_prefix, RUN_PREFIX) else self.run_prefix
        prefixes = {bare, bare.upper()} if bare else set()
        events = {self.event_id} - {""}
        for values in (events, self.run_ids, prefixes, self.job_ids, self.pattern_ids, self.types):
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


def find(path: str, query: Query, limit: int | None = None) -> Iterator[Item]:
    """Yield the events of a log that match, and the bad lines among the lines that were looked at.

    With `limit` only the newest so many events, in the order of the file, read from its end. A compressed file is read
    as what it holds.
    """
    found = opened(path)
    if found is not None:
        yield from _find(found, query, limit)


def _find(part: Opened, query: Query, limit: int | None) -> Iterator[Item]:
    path, file = part.path, part.file
    if isinstance(file, BadLine):
        yield file
        return
    try:
        text = unpacked(file, path)
        if isinstance(text, BadLine):
            yield text
        elif text is not None:
            yield from _newest(_matching(read_packed(path, file, text, query.needles()), query), limit)
        elif not is_plain(file, path):
            yield from _newest(_matching(read_stream(path, file, query.needles()), query), limit)
        elif limit is None:
            yield from _forward(path, file, query, part.end)
        else:
            yield from _from_end(path, file, query, limit, part.end)
    except OSError as error:
        yield BadLine(path, 0, error.strerror or str(error))
    finally:
        os.close(file)


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
    size = _size(descriptor, end)
    start = 0 if query.since_ns is None else offset_since(descriptor, size, query.since_ns)
    found = scan(descriptor, start, None if end is None else size, query.needles())
    yield from _matching(read_found(path, found, LineNumbers(descriptor).at), query)


def _size(descriptor: int, end: int | None) -> int:
    """Return where reading stops: behind the line in which `end` is, or at the end of the file."""
    size = os.fstat(descriptor).st_size
    return size if end is None or end >= size else next_line(descriptor, end, size)


def _from_end(path: str, descriptor: int, query: Query, limit: int, end: int | None) -> Iterator[Item]:
    size = _size(descriptor, end)
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


def find_in(
    paths: Sequence[str], query: Query, limit: int | None = None, *, seen: Seen | None = None
) -> Iterator[Item]:
    """Yield what `find` yields of several logs, or parts of one, the oldest first; `limit` is for all of them together.

    An event that stands in the log twice comes once. `seen` knows events that came before, and is told of these.
    """
    older, live = list(paths), None
    if older and isinstance(older[-1], LivePart):
        last = older.pop()
        assert isinstance(last, LivePart)
        newer, live = opened_live(last)
        older, live = steady(list(dict.fromkeys([*older, *newer])), live)
    older = _in_time([*older, live.path] if live is not None else older, query)
    if live is not None and older and older[-1] == live.path:
        older.pop()
    elif live is not None:
        # All of it is too new.
        _close(live)
        live = None
    if limit is None:
        yield from _oldest_first(older, live, query, seen or Seen(look_back(older)))
    else:
        yield from _newest_first(older, live, query, limit, seen or Seen())


def _in_time(paths: Sequence[str], query: Query) -> list[str]:
    logs = {path.log if isinstance(path, Part) else "" for path in paths}
    if len(logs) != 1 or "" in logs:
        return list(paths)  # not the parts of one log, which are in the order of time
    return within(paths, query.since_ns, query.until_ns, SLACK_NS)


def _close(part: Opened) -> None:
    if isinstance(part.file, int):
        os.close(part.file)


def _oldest_first(paths: Sequence[str], live: Opened | None, query: Query, seen: Seen) -> Iterator[Item]:
    try:
        for path in paths:
            for item in find(path, query):
                if isinstance(item, BadLine) or seen.is_new(item.event):
                    yield item
        if live is not None:
            part, live = live, None
            for item in _find(part, query, None):
                if isinstance(item, BadLine) or seen.is_new(item.event):
                    yield item
    finally:
        if live is not None:
            _close(live)


def _newest_first(paths: Sequence[str], live: Opened | None, query: Query, limit: int, seen: Seen) -> Iterator[Item]:
    found: list[list[Item]] = []
    missing = limit
    waiting = list(paths)
    part = live or (opened(waiting.pop()) if waiting else None)
    while missing > 0 and (part is not None or waiting):
        if part is not None:
            items = _newest_new(part, query, missing, seen)
            missing -= sum(isinstance(item, LogLine) for item in items)
            found.append(items)
        part = opened(waiting.pop()) if waiting and missing > 0 else None
    for items in reversed(found):
        yield from items


def _newest_new(part: Opened, query: Query, limit: int, seen: Seen) -> list[Item]:
    """Return the newest events of an open part that were not seen, and its bad lines; it is closed then."""
    if isinstance(part.file, BadLine):
        return [part.file]
    try:
        again, most = is_plain(part.file, part.path), limit
        while True:
            items = list(_find(part._replace(file=os.dup(part.file)), query, most))
            lines = [item for item in items if isinstance(item, LogLine)]
            newest = {line.event.event_id: line for line in reversed(lines) if not seen.knows(line.event)}
            if len(newest) >= limit or len(lines) < most or not again:
                break
            most *= 2  # some stand there twice, or came before
    finally:
        os.close(part.file)
    kept = {id(line) for line in list(newest.values())[:limit] if seen.is_new(line.event)}
    return [item for item in items if isinstance(item, BadLine) or id(item) in kept]


def look_back(paths: Sequence[str]) -> Callable[[str, int], bool]:
    """Return what looks for an event in the parts of a log by its id and the time when it was made."""

    def look(identifier: str, time_ns: int) -> bool:
        query = Query(event_id=identifier)
        for path in within(paths, time_ns, time_ns, SLACK_NS):
            lines = (item for item in find(path, query) if isinstance(item, LogLine))
            if any(line.event.event_id == identifier for line in lines):
                return True
        return False

    return look
