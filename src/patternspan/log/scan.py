"""Lines of an open file, found as bytes: read in large chunks into one buffer, without decoding anything.

`os.readv` into a bytearray and `bytearray.find` go through 495 MB in 0.12 s, where `grep -c -F` takes 0.10 s.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from patternspan.model.packing import Unpacked
from patternspan.model.wire import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHUNK: Final = 1 << 20
Found = tuple[int, bytes | None]
Source = int | Unpacked
"""What lines are read from: a descriptor, or the text of a compressed file."""


def scan(
    source: Source,
    start: int | None = 0,
    end: int | None = None,
    needles: Sequence[bytes] = (),
    *,
    room: bytearray | None = None,
    max_line: int = MAX_LINE_BYTES,
) -> Iterator[Found]:
    """Yield (offset, line) of each line in `[start, end)` that holds one of the needles, or of each line.

    `start` is the beginning of a line, `end` that of another or None for the end of the file. Lines come
    without their newline; the last may have none. For a line longer than `max_line` the second is None: its
    bytes are skipped, and whether it holds a needle is not known. `room` is a buffer to use again.
    With `start` None a pipe, or any file, is read from where it stands, and offsets count from there; that is how
    unpacked text is read.
    """
    room = bytearray(CHUNK) if room is None else room
    if start is not None and isinstance(source, int):
        os.lseek(source, start, os.SEEK_SET)
    base, held, skipping = start or 0, 0, False
    while True:
        if held == len(room):
            room.extend(bytes(min(held, max(1, max_line + 1 - held))))
        filled = held + _fill(source, room, held, end, base)
        last = filled == held
        body = filled if last else room.rfind(b"\n", held, filled) + 1
        if skipping and body:
            # The rest of an over-long line ends with the first newline.
            front = room.find(b"\n", 0, body) + 1 or body
            room[: filled - front] = room[front:filled]
            base, filled, body, skipping = base + front, filled - front, body - front, False
        for begin, stop in _spans(room, body, needles):
            yield base + begin, None if stop - begin > max_line else bytes(room[begin:stop])
        held = filled - body
        if body:
            room[:held] = room[body:filled]
            base += body
        if last:
            return
        if held > max_line:
            if not skipping:
                yield base, None
            base, held, skipping = base + held, 0, True


def _fill(source: Source, room: bytearray, held: int, end: int | None, base: int) -> int:
    stop = len(room) if end is None else min(len(room), end - base)
    if stop <= held:
        return 0
    with memoryview(room) as view, view[held:stop] as part:
        return os.readv(source, [part]) if isinstance(source, int) else source.readinto(part)


def _spans(room: bytearray, body: int, needles: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    if not needles:
        return _lines(room, body)
    if len(needles) == 1:
        return _hits(room, body, needles[0])
    return iter(sorted({span for needle in needles for span in _hits(room, body, needle)}))


def _lines(room: bytearray, body: int) -> Iterator[tuple[int, int]]:
    begin = 0
    while begin < body:
        stop = room.find(b"\n", begin, body)
        if stop < 0:
            stop = body
        yield begin, stop
        begin = stop + 1


def _hits(room: bytearray, body: int, needle: bytes) -> Iterator[tuple[int, int]]:
    at = room.find(needle, 0, body)
    while at >= 0:
        begin = room.rfind(b"\n", 0, at) + 1
        stop = room.find(b"\n", at, body)
        if stop < 0:
            stop = body
        yield begin, stop
        at = room.find(needle, stop, body)


def next_line(descriptor: int, at: int, end: int, step: int = 1 << 16) -> int:
    """Return the offset of the first line that begins at `at` or after, or `end` where that comes first."""
    if at <= 0:
        return 0
    position = at - 1
    while position < end:
        data = os.pread(descriptor, min(step, end - position), position)
        if not data:
            break
        found = data.find(b"\n")
        if found >= 0:
            return min(end, position + found + 1)
        position += len(data)
    return end


def backward(descriptor: int, start: int, end: int, step: int = CHUNK) -> Iterator[tuple[int, int]]:
    """Yield ranges of whole lines, from the last to the first, that together are `[start, end)`."""
    while start < end:
        reach = step
        begin = end
        while begin >= end:
            begin = start if end - reach <= start else next_line(descriptor, end - reach, end)
            reach *= 2
        yield begin, end
        end = begin


def end_of_lines(descriptor: int, end: int, step: int = 1 << 12) -> int:
    """Return the offset behind the last whole line before `end`; 0 where there is none."""
    while end > 0:
        begin = max(0, end - step)
        found = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end, step = begin, 2 * step
    return 0


def count_lines(descriptor: int, start: int, end: int) -> int:
    """Return the number of newlines in `[start, end)`."""
    total = 0
    while start < end:
        data = os.pread(descriptor, min(CHUNK, end - start), start)
        if not data:
            break
        total += data.count(b"\n")
        start += len(data)
    return total
