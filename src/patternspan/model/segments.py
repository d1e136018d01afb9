"""The index of a log: one line for each closed segment, and one for each that was removed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that no writer adds to any more, as it was when it was closed."""

    segment: str
    """Its name without that of a compression."""
    lines: int
    bytes: int
    """Of the lines, uncompressed. What stands behind them came late, and stands in a later file too."""
    first_event_id: str | None = None
    first_timestamp: str | None = None
    last_event_id: str | None = None
    last_timestamp: str | None = None
    sha256: str = ""
    """Of the uncompressed bytes, as hexadecimal digits."""
    closed_at: str = ""


class Removed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was removed: a segment, or so many files of a folder."""

    segment: str
    removed_at: str
    reason: str
    """`keep_days` or `keep_bytes`."""
    lines: int = 0
    files: int = 1
    bytes: int = 0
    """Of the files, as they stood on the disk."""


class Index(msgspec.Struct):
    """What the lines of an index say."""

    closed: dict[str, Closed]
    removed: list[Removed]


_closed: Final = msgspec.json.Decoder(Closed)
_removed: Final = msgspec.json.Decoder(Removed)


def read_index(lines: Iterable[bytes]) -> Index:
    """Return what the lines of an index say; a torn line says nothing."""
    found = Index({}, [])
    for line in lines:
        try:
            if b'"removed_at"' in line:
                found.removed.append(_removed.decode(line))
            elif line.strip():
                closed = _closed.decode(line)
                found.closed.setdefault(closed.segment, closed)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return found
