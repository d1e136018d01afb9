"""Where in a log the events since a time begin, found by looking at some hundred lines of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from patternspan.errors import LineError
from patternspan.model.wire import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK: Final = 64 * 1024
SLACK_NS: Final = 5 * 60 * 1_000_000_000
"""How far a line of a log may be out of order in time, at most, for `since` and `until` to be exact."""

_PIECES: Final = 512
_SMALL: Final = 16
"""So many blocks are read rather than searched."""
_STEP: Final = 1.125
_REACHES: Final = (1 << 12, 1 << 16, 1 << 19)
"""So many bytes are looked at for an event, one after the other: most lines are short."""


def offset_since(descriptor: int, size: int, since_ns: int, *, block: int = BLOCK, slack_ns: int = SLACK_NS) -> int:
    """Return the offset of a line before which all events are older than `since_ns`.

    Exact where no line is out of order by more than `slack_ns`, and in a file of 16 blocks or less, which is read
    whole. Where a clock was set forward or back, there are older events on both sides of what is wanted: it is found
    if it takes two blocks and, of the bytes from its beginning to the end of the file, an eighth, or a 256th of all.
    """
    if size <= _SMALL * block:
        return 0
    cutoff = since_ns - slack_ns
    older, newer = 0, size
    for place in _places(size, block):
        offset, time_ns = _event_at(descriptor, place, size)
        if time_ns is None:
            continue
        if time_ns >= cutoff:
            newer = offset
            break
        older = offset
    while newer - older > block:
        middle = (older + newer) // 2
        offset, time_ns = _event_at(descriptor, middle, newer)
        if time_ns is not None and time_ns < cutoff:
            older = offset
        else:
            newer = middle
    return older


def _places(size: int, block: int) -> list[int]:
    """Return where to look, in order: at equal distances, and the closer the nearer to the end."""
    pitch = max(block, size // _PIECES)
    return sorted({*range(0, size, pitch), *_towards_end(size, block)})


def _towards_end(size: int, block: int) -> Iterator[int]:
    distance = block
    while distance < size:
        yield size - distance
        distance = int(distance * _STEP) + 1


def _event_at(descriptor: int, at: int, end: int) -> tuple[int, int | None]:
    """Return the offset and the time of the first event that begins at `at` or after; no time where none is near."""
    start = max(0, at - 1)  # a line begins behind a newline
    for reach in _REACHES:
        data = os.pread(descriptor, min(reach, end - start), start)
        begin = 0 if at == 0 else data.find(b"\n") + 1
        stop = data.find(b"\n", begin) if begin or at == 0 else -1
        while stop >= 0:
            try:
                return start + begin, decode(data[begin:stop]).time_ns
            except LineError:
                begin = stop + 1
                stop = data.find(b"\n", begin)
        if start + len(data) >= end:
            break
    return at, None
