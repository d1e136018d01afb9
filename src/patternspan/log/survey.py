"""What files a log consists of, and what is known of each without reading old ones."""

from __future__ import annotations

import os
from typing import Final

import msgspec

from patternspan import layout
from patternspan.files import regular
from patternspan.log.reader import LogLine
from patternspan.log.scan import count_lines
from patternspan.log.search import Query, find
from patternspan.log.segments import Part, first_time, index_of, parts_of
from patternspan.model.ids import instant, is_timestamp
from patternspan.model.segments import Closed

NOT_CLOSED: Final = "not closed yet"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a log."""

    path: str
    state: str
    """`live`, `closed`, `not closed yet`, or `rotated by others`; how it is compressed follows a comma."""
    lines: int | None
    """None where only reading all of a compressed file would tell."""
    bytes: int | None
    """Of the lines, uncompressed."""
    disk_bytes: int
    first_ns: int | None
    last_ns: int | None
    is_packed: bool
    is_sealed: bool

    def is_left(self) -> bool:
        """Say whether nobody has closed it yet: its process may have ended too early."""
        return self.state.startswith(NOT_CLOSED)


class Survey(msgspec.Struct, frozen=True):
    """The files of a log, the oldest first, and what was removed of it."""

    log: str
    files: list[File]
    removed_segments: int
    removed_lines: int
    removed_by: dict[str, int]
    """Segments by reason."""

    def live(self) -> File | None:
        """Return the live file; None where the next writer begins it."""
        return self.files[-1] if self.files and self.files[-1].path == self.log else None


def survey(log: str) -> Survey:
    """Return the files of a log. The live file and segments that are not closed yet are read to count their lines."""
    index = index_of(log)
    files = []
    for path in parts_of(log):
        if isinstance(path, Part) and os.path.isfile(path):
            entry = index.closed.get(os.path.basename(layout.segment(log, path.number))) if path.number else None
            files.append(_file(path, entry))
    by_reason: dict[str, set[str]] = {}
    lines = 0
    for removed in index.removed:
        if removed.segment.endswith(".jsonl"):
            by_reason.setdefault(removed.reason, set()).add(removed.segment)
            lines += removed.lines
    counts = {reason: len(names) for reason, names in by_reason.items()}
    return Survey(str(log), files, sum(counts.values()), lines, counts)


def _file(path: Part, entry: Closed | None) -> File:
    size = os.path.getsize(path)
    ending = next((ending for ending in layout.PACKED if path.endswith(ending)), "")
    state = "live" if path.live else "rotated by others" if not path.number else "closed" if entry else NOT_CLOSED
    if ending:
        state += {".gz": ", gzip", ".zst": ", zstd"}[ending]
    return File(
        path=str(path),
        state=state,
        lines=entry.lines if entry is not None else None if ending else _count(path, size),
        bytes=entry.bytes if entry is not None else None if ending else size,
        disk_bytes=size,
        first_ns=_ns(entry.first_timestamp) if entry is not None else first_time(path),
        last_ns=_ns(entry.last_timestamp) if entry is not None else None if ending else _last(path),
        is_packed=bool(ending),
        is_sealed=bool(path.number) and os.path.exists(layout.manifest(path.log, path.number)),
    )


def _ns(text: str | None) -> int | None:
    return instant(text) if text is not None and is_timestamp(text) else None


def _count(path: str, size: int) -> int:
    descriptor = regular(path)
    try:
        return count_lines(descriptor, 0, size)
    finally:
        os.close(descriptor)


def _last(path: str) -> int | None:
    return next((item.event.time_ns for item in find(path, Query(), 1) if isinstance(item, LogLine)), None)
