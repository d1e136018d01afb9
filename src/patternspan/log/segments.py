"""The parts of one log, in order: its own segments, files that logrotate made of it, and the live file.

    pattern_events.00000001.jsonl[.gz|.zst]      rotated by us
    pattern_events.jsonl.2.gz, .jsonl.1          rotated from outside, by number
    pattern_events.jsonl-20261125[.gz]           rotated from outside, by date
    pattern_events.jsonl                         the live file

Any of them may be renamed, compressed or removed between the moment when the folder is listed and that when a file is
opened. So a `Part` remembers what it is besides its name.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from patternspan import layout
from patternspan.files import regular
from patternspan.log.reader import NO_FILE, BadLine, LogLine, open_log, read_found, unpacked
from patternspan.log.scan import scan
from patternspan.model.ids import instant, is_timestamp
from patternspan.model.packing import Unpacked
from patternspan.model.segments import Closed, Index, read_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ENDING: Final = r"(?:\.gz|\.zst)?"
_COMPARED: Final = 4096
_PEEK_BYTES: Final = 1 << 16
_MOST_FIXED: Final = 64


class Position(msgspec.Struct, frozen=True):
    """A place in a log: in a file that is known by its device and inode, not by its name."""

    device: int
    inode: int
    offset: int
    last: int = -1
    """The highest number of a segment when the file was live; once it is renamed by us it has the next one."""

    def is_in(self, file: os.stat_result | Position) -> bool:
        """Say whether this is the file."""
        if isinstance(file, Position):
            return (file.device, file.inode) == (self.device, self.inode)
        return (file.st_dev, file.st_ino) == (self.device, self.inode)


class Part(str):
    """The path of one part of a log."""

    __slots__ = ("end", "live", "log", "number")

    log: str
    """The live file of the same log."""
    number: int
    """Of a segment; 0 of any other part."""
    live: bool
    end: int | None
    """The offset at which to stop reading."""

    def __new__(cls, path: str, log: str, number: int = 0, *, live: bool = False, end: int | None = None) -> Self:
        """Make the path a part."""
        part = super().__new__(cls, path)
        part.log, part.number, part.live, part.end = log, number, live, end
        return part


class LivePart(Part):
    """The path of the live file, and what was there when the folder was listed."""

    __slots__ = ("before",)

    before: Position
    """The live file of that moment, read up to `end`; device and inode are 0 where there was none."""


def parts_of(log: str, end: Position | None = None) -> list[str]:
    """Return the paths of all parts of a log, the oldest first; the last one is the live file, there or not.

    What stands behind `end` is left out.
    """
    before = place_of(log)
    older = _older(log)
    live = LivePart(log, log, live=True)
    live.before = before
    if end is None:
        return [*older, live]
    if end.is_in(before):
        live.end = end.offset
        return [*older, live]
    for at, part in enumerate(older):
        if end.is_in(place_of(part)):
            return [*older[:at], Part(part, log, part.number, end=end.offset)]
    return [part for part in older if part.number <= end.last + bool(end.inode)]


def _older(log: str) -> list[Part]:
    segments, others = _segments(log), _rotated_by_others(log)
    if others and _is_copy(others[-1], log):
        del others[-1]
    older = [*others, *segments]
    if others and segments:
        older.sort(key=_changed)
    return older


def place_of(path: str) -> Position:
    """Return the beginning of the file of this name; device and inode are 0 where there is none."""
    is_older = isinstance(path, Part) and not path.live
    last = -1 if is_older else max((part.number for part in _segments(path)), default=0)
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return Position(0, 0, 0, last)
    return Position(status.st_dev, status.st_ino, 0, last)


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _names(log: str) -> tuple[str, list[str]]:
    folder = os.path.dirname(log)
    try:
        return folder, os.listdir(folder or ".")
    except (OSError, ValueError):
        return folder, []


def _segments(log: str) -> list[Part]:
    """Return our own segments, each once: plain where it is still there, else compressed."""
    folder, names = _names(log)
    found: dict[int, str] = {}
    for name in sorted(names, reverse=True):
        number = layout.segment_number(log, name)
        if number is not None:
            found[number] = name
    return [Part(os.path.join(folder, found[number]), log, number) for number in sorted(found)]


class _Other(NamedTuple):
    """How a file that was rotated from outside is ordered among its like."""

    is_numbered: bool
    key: tuple[int, ...]
    name: str


def _rotated_by_others(log: str) -> list[Part]:
    folder, names = _names(log)
    name, stem = re.escape(os.path.basename(log)), re.escape(os.path.basename(layout.stem(log)))
    numbered = re.compile(rf"(?:{name}\.([0-9]{{1,7}})|{stem}\.([0-9]{{1,7}})\.jsonl){_ENDING}")
    dated = re.compile(rf"(?:{name}|{stem})-([0-9]{{6,14}})(?:[-_.]?([0-9]{{1,12}}))?(?:\.jsonl)?{_ENDING}")
    found: dict[tuple[bool, tuple[int, ...]], _Other] = {}
    for entry in sorted(names, reverse=True):
        if (match := numbered.fullmatch(entry)) is not None:
            other = _Other(True, (-int(match[1] or match[2]),), entry)
        elif (match := dated.fullmatch(entry)) is not None:
            other = _Other(False, (int(match[1]), int(match[2] or 0)), entry)
        else:
            continue
        found[other[:2]] = other
    parts = [Part(os.path.join(folder, other.name), log) for other in sorted(found.values())]
    if len({other.is_numbered for other in found.values()}) == 2:
        parts.sort(key=_changed)
    return parts


def _is_copy(path: str, log: str) -> bool:
    """Say whether a file is the copy that logrotate makes before it empties the log, and the log is not empty yet."""
    try:
        with open(path, "rb", opener=regular) as copy, open(log, "rb", opener=regular) as live:
            size = os.fstat(copy.fileno()).st_size
            if not 0 < size <= os.fstat(live.fileno()).st_size:
                return False
            return all(
                os.pread(copy.fileno(), _COMPARED, at) == os.pread(live.fileno(), min(_COMPARED, size - at), at)
                for at in {0, max(0, size - _COMPARED)}
            )
    except OSError:
        return False


class Opened(NamedTuple):
    """A part that is open, or what is wrong with it."""

    path: str
    file: int | BadLine
    end: int | None = None
    """The offset at which to stop reading."""


def opened(path: str) -> Opened | None:
    """Open a part, also where it was compressed since the folder was listed; None where it is not there any more."""
    file = open_log(path, named=not isinstance(path, Part))
    if not isinstance(path, Part):
        return Opened(path, file)
    if isinstance(file, int) or file.reason != NO_FILE:
        return Opened(path, file, path.end)
    for ending in () if path.live else layout.PACKED:
        file = open_log(path + ending, named=False)
        if isinstance(file, int):
            return Opened(path + ending, file)
    return None


def opened_live(live: LivePart) -> tuple[list[str], Opened | None]:
    """Open the live file, and return before it the parts that were live when the folder was listed, or since.

    Nothing is missed, and nothing comes twice, when it was rotated in between.
    """
    file = open_log(live, named=False)
    here = os.fstat(file) if isinstance(file, int) else None
    itself, newer = since(live.log, live.before)
    if here is not None and live.before.is_in(here) and not newer:
        return [], Opened(live, file, live.end)
    if live.end is not None:
        if isinstance(file, int):
            os.close(file)
        return [], opened(Part(itself, live.log, itself.number, end=live.end)) if itself is not None else None
    between = [part for part in (itself, *newer) if part is not None]
    if here is not None:
        # What was opened may have been renamed since, and its successors too: those are of a later moment.
        at = next((at for at, part in enumerate(between) if place_of(part).is_in(here)), len(between))
        between = between[:at]
    is_missing = isinstance(file, BadLine) and file.reason == NO_FILE
    return list(between), None if is_missing else Opened(live, file)


def steady(older: Sequence[str], live: Opened | None) -> tuple[list[str], Opened | None]:
    """Fix where the newest parts end, from the newest to the oldest, before the oldest is read.

    A writer that has not noticed a rotation writes to the old file, then to the new one. Who has read the old one
    before that must not read in the new one what came after it.
    """
    if live is not None and isinstance(live.file, int) and live.end is None:
        live = live._replace(end=os.fstat(live.file).st_size)
    fixed = list(older)
    for at in range(len(older) - 1, max(-1, len(older) - 1 - _MOST_FIXED), -1):
        part = older[at]
        if isinstance(part, Part) and part.end is None and not part.endswith(layout.PACKED):
            with contextlib.suppress(OSError):
                fixed[at] = Part(part, part.log, part.number, end=os.stat(part).st_size)
    return fixed, live


def since(log: str, known: Position) -> tuple[Part | None, list[Part]]:
    """Return what has become of a file that was live, and the parts that were live after it, but for the live file.

    A file that is not there under any name may be compressed: then it is the segment with the next number.
    """
    older = _older(log)
    for at, part in enumerate(older):
        if known.is_in(place_of(part)):
            return part, older[at + 1 :]
    newer = [part for part in older if part.number > known.last >= 0]
    if known.inode and newer and newer[0].number == known.last + 1 and newer[0].endswith(layout.PACKED):
        return newer[0], newer[1:]
    return None, newer


def copy_of(log: str, before: bytes, offset: int) -> int | None:
    """Return the descriptor of a copy that was made of the log before it was emptied; None where none is found.

    It is known by the bytes before a place that was read. The caller closes it.
    """
    for part in reversed(_rotated_by_others(log)):
        file = open_log(part, named=False)
        if not isinstance(file, int):
            continue
        if os.pread(file, len(before), offset - len(before)) == before:
            return file
        os.close(file)
    return None


def index_of(log: str) -> Index:
    """Return what the index of a log says; nothing where there is none."""
    try:
        with open(layout.index(log), "rb", opener=regular) as file:
            return read_index(file)
    except (OSError, ValueError):
        return Index({}, [])


def within(paths: Sequence[str], since_ns: int | None, until_ns: int | None, slack_ns: int) -> list[str]:
    """Leave out the parts of a log that hold no event of this time, by the index or by their first lines.

    Exact where no line of the log is out of order by more than the slack. Looked at from the newest part back; before
    the first one that begins too early, where a clock was set back, the index says which are needed all the same, or
    their first lines where they are neither in it nor compressed.
    """
    if not paths or (since_ns is None and until_ns is None):
        return list(paths)
    times = _Times()
    kept = list(paths)
    while until_ns is not None and kept:
        first = times.of(kept[-1])
        if first is None or first <= until_ns + slack_ns:
            break
        kept.pop()
    if since_ns is not None:
        for at in range(len(kept) - 1, 0, -1):
            first = times.of(kept[at])
            if first is not None and first < since_ns - slack_ns:
                return [*(path for path in kept[:at] if times.reach(path, since_ns - slack_ns)), *kept[at:]]
    return kept


class _Times:
    """When the events of a part were, without reading it."""

    def __init__(self) -> None:
        self._indexes: dict[str, Index] = {}

    def of(self, path: str) -> int | None:
        """Return the time of the first event; None where nothing tells."""
        entry = self._entry(path)
        first = None if entry is None else _ns(entry.first_timestamp)
        return first_time(path) if first is None else first

    def reach(self, path: str, time_ns: int) -> bool:
        """Say whether a part is known to begin or to end at this time or later."""
        entry = self._entry(path)
        if entry is not None:
            known = [_ns(entry.first_timestamp), _ns(entry.last_timestamp)]
        else:
            known = [None if path.endswith(layout.PACKED) else first_time(path)]
        return any(time is not None and time >= time_ns for time in known)

    def _entry(self, path: str) -> Closed | None:
        if not isinstance(path, Part) or not path.number:
            return None
        index = self._indexes.get(path.log)
        if index is None:
            index = self._indexes[path.log] = index_of(path.log)
        return index.closed.get(os.path.basename(layout.segment(path.log, path.number)))


def _ns(text: str | None) -> int | None:
    return instant(text) if text is not None and is_timestamp(text) else None


def first_bytes(path: str) -> bytes:
    """Return how the text of a part begins, unpacked where it is compressed; nothing where it cannot be read."""
    found = opened(path)
    if found is None or not isinstance(found.file, int):
        return b""
    try:
        text = unpacked(found.file, found.path)
        if isinstance(text, Unpacked):
            room = bytearray(_COMPARED)
            return bytes(room[: text.readinto(memoryview(room))])
        return os.pread(found.file, _COMPARED, 0)
    except OSError:
        return b""
    finally:
        os.close(found.file)


def first_time(path: str) -> int | None:
    """Return the time of the first event near the beginning of a file; None where there is none."""
    found = opened(path) if isinstance(path, Part) else Opened(path, open_log(path, named=False))
    if found is None or not isinstance(found.file, int):
        return None
    try:
        text = unpacked(found.file, found.path)
        if isinstance(text, BadLine):
            return None
        room = bytearray(_PEEK_BYTES)
        lines = (
            scan(found.file, 0, _PEEK_BYTES, room=room) if text is None else _first_lines(scan(text, None, room=room))
        )
        for item in read_found(path, lines, lambda _offset: 0):
            if isinstance(item, LogLine):
                return item.event.time_ns
    except OSError:
        return None
    finally:
        os.close(found.file)
    return None


def _first_lines(found: Iterator[tuple[int, bytes | None]]) -> Iterator[tuple[int, bytes | None]]:
    for offset, line in found:
        if offset > _PEEK_BYTES:
            return
        yield offset, line
