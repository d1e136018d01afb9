"""New lines of a log as they come, across rotation, truncation and removal; never a line twice.

The file is asked for its size a few times a second. A wake costs what the new lines cost, whatever the size.

A renamed file is read on for a while beside its successors, since a writer may not have noticed yet. Order is kept by
the order of looking: sizes are taken from the newest file to the oldest, then lines are read from the oldest to the
newest up to these sizes. A line that is shown was there when its size was taken, so all that its writer wrote before
it, to an older file too, is shown before it.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from patternspan.files import regular
from patternspan.log.reader import BadLine, Item, read_found, unpacked
from patternspan.log.scan import end_of_lines, scan
from patternspan.log.seen import Seen
from patternspan.log.segments import Part, Position, copy_of, first_bytes, opened, place_of, since
from patternspan.model.packing import Unpacked
from patternspan.model.wire import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

__all__ = ["GRACE_SECONDS", "INTERVAL", "Position", "end_of", "follow", "follow_lines"]

INTERVAL: Final = 0.15
"""Seconds between two looks at the file."""

GRACE_SECONDS: Final = 3.0
"""How long a renamed file is read on: by then every running writer has noticed."""

_CHUNK: Final = 1 << 18
_TRIES: Final = 20
_MOST_OPEN: Final = 100
"""So many renamed files are read on; where they are more, the oldest are given up earlier."""
_MEMORY: Final = 512
"""Bytes before the position that are remembered, to see that a file was emptied and filled again."""


def end_of(path: str) -> Position | None:
    """Return the place after the last whole line of a log; None where there is none.

    Where the live file was just renamed, and the next one is not begun, that is the place before all that comes.
    """
    file, place = _open_live(path)
    if file < 0:
        return place if place.last > 0 else None
    try:
        return Position(place.device, place.inode, end_of_lines(file, os.fstat(file).st_size), place.last)
    except OSError:
        return None
    finally:
        os.close(file)


class _Lines:
    """Bytes that come piece by piece, as lines."""

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self.forget()

    def forget(self) -> None:
        """Drop the part of a line that waits for its end."""
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._skipping = False

    def split(self, data: bytes) -> Iterator[bytes | None]:
        """Yield the lines that these bytes end; None for one that is too long to read."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            if self._skipping:
                self._skipping = False
                continue
            joined = b"".join([*self._held, line])
            self._held, self._held_bytes = [], 0
            yield None if len(joined) > self._max_line else joined
        if rest and not self._skipping:
            self._held.append(rest)
            self._held_bytes += len(rest)
            if self._held_bytes > self._max_line:
                self._held, self._held_bytes, self._skipping = [], 0, True
                yield None

    def rest(self) -> bytes:
        """Return the unfinished last line."""
        return b"".join(self._held)


class _Tail:
    """One open file, read forward from a place in it."""

    def __init__(self, descriptor: int, offset: int, max_line: int) -> None:
        status = os.fstat(descriptor)
        self.place = Position(status.st_dev, status.st_ino, 0)
        self.looks = 0
        """Looks since it had a successor."""
        self._descriptor = descriptor
        self._lines = _Lines(max_line)
        self._end: int | None = None
        self._changed_ns = -1
        self._restart(offset)

    def _restart(self, offset: int) -> None:
        self._offset = offset
        self._lines.forget()
        self._before = os.pread(self._descriptor, _MEMORY, max(0, offset - _MEMORY))[: min(offset, _MEMORY)]

    def mark(self) -> None:
        """Let the next `lines` stop where the file ends now."""
        self._end = os.fstat(self._descriptor).st_size

    def lines(self, log: str) -> Iterator[bytes | None]:
        """Yield the whole lines that have come."""
        end, self._end = self._end, None
        status = os.fstat(self._descriptor)
        size, changed_ns, self._changed_ns = status.st_size, self._changed_ns, status.st_mtime_ns
        if size == self._offset and changed_ns == status.st_mtime_ns:
            return
        if size < self._offset or not self._same_before():
            yield from self._rest_of_copy(log)
            self._restart(0)
        while data := os.pread(self._descriptor, self._room(end), self._offset):
            self._offset += len(data)
            self._before = (self._before + data)[-_MEMORY:]
            yield from self._lines.split(data)

    def _room(self, end: int | None) -> int:
        return _CHUNK if end is None else max(0, min(_CHUNK, end - self._offset))

    def _same_before(self) -> bool:
        start = self._offset - len(self._before)
        return os.pread(self._descriptor, len(self._before), start) == self._before

    def _rest_of_copy(self, log: str) -> Iterator[bytes | None]:
        """Yield what was written before the file was emptied and not read in time, where a copy was made of it."""
        copy = copy_of(log, self._before, self._offset)
        if copy is None:
            return
        try:
            while data := os.pread(copy, _CHUNK, self._offset):
                self._offset += len(data)
                yield from self._lines.split(data)
        finally:
            os.close(copy)

    def begins_like(self, data: bytes) -> bool:
        """Say whether the file begins with these bytes."""
        return bool(data) and os.pread(self._descriptor, len(data), 0) == data

    def rest(self) -> bytes:
        """Return the unfinished last line of a file that will not grow any more."""
        return self._lines.rest()

    def close(self) -> None:
        os.close(self._descriptor)


class _Chain:
    """The files of a log that are read now, the oldest first; the last one is, or was, the live one."""

    def __init__(self, log: str, start: Position | None, max_line: int, looks: int) -> None:
        self._log = log
        self._known = start or place_of(log)
        self._max_line = max_line
        self._looks = looks
        self._tails: list[_Tail] = []

    def look(self) -> Iterator[bytes | None]:
        """Yield all lines that have come."""
        yield from self._open_new()
        for tail in reversed(self._tails[1:]):
            tail.mark()
        for tail in list(self._tails):
            yield from tail.lines(self._log)
        yield from self._give_up()

    def _open_new(self) -> Iterator[bytes | None]:
        """Open the live file where it is not the one that was opened last, and before it all that came in between."""
        try:
            status = os.stat(self._log)
        except OSError:
            # Rotated, and nobody has written since: the file may have come and gone between two looks.
            yield from self._open_between(None)
            return
        if not stat.S_ISREG(status.st_mode) or (self._tails and self._known.is_in(status)):
            return
        file, live = _open_live(self._log)
        if file < 0:
            return
        # A number that is used up says so too where another file has the inode of the one that was known.
        is_known = self._known.is_in(live) and live.last <= self._known.last
        offset = self._known.offset if is_known else 0
        if not is_known:
            yield from self._open_between(live)
        self._known = live
        self._tails.append(_Tail(file, offset, self._max_line))

    def _open_between(self, live: Position | None) -> Iterator[bytes | None]:
        """Open what was live since the known file was: that one too, where it was renamed before it was opened."""
        known = self._known
        itself, newer = since(self._log, known)
        parts = [(part, 0) for part in newer if live is None or not place_of(part).is_in(live)]
        if itself is not None and not self._is_open(itself):
            parts.insert(0, (itself, known.offset))
        for part, offset in parts:
            place, last = place_of(part), part.number or known.last
            is_plain = yield from self._open_older(part, offset)
            self._known = Position(place.device, place.inode, 0, last - 1) if is_plain else Position(0, 0, 0, last)

    def _is_open(self, part: Part) -> bool:
        """Say whether a part is the file that was opened last, under a new name or compressed."""
        return bool(self._tails) and (
            self._tails[-1].place.is_in(place_of(part)) or self._tails[-1].begins_like(first_bytes(part))
        )

    def _open_older(self, path: Part, offset: int) -> Generator[bytes | None, None, bool]:
        """Open a part that is to be read on, and return true; read a compressed one at once."""
        part = opened(path)
        if part is None or isinstance(part.file, BadLine):
            return False
        text = unpacked(part.file, part.path)
        if text is None:
            self._tails.append(_Tail(part.file, min(offset, os.fstat(part.file).st_size), self._max_line))
            return True
        # Nobody writes to it any more: read behind the files before it.
        for tail in self._tails:
            yield from tail.lines(self._log)
        if isinstance(text, Unpacked):
            for at, line in scan(text, None, max_line=self._max_line):
                if at >= offset:
                    yield line
        os.close(part.file)
        return False

    def _give_up(self) -> Iterator[bytes]:
        for tail in self._tails[:-1]:
            tail.looks += 1
        while len(self._tails) > 1 and (self._tails[0].looks > self._looks or len(self._tails) > _MOST_OPEN):
            tail = self._tails.pop(0)
            tail.close()
            if tail.rest():
                yield tail.rest()

    def close(self) -> None:
        for tail in self._tails:
            tail.close()


def _open_live(log: str) -> tuple[int, Position]:
    """Return the descriptor of the live file and its place; -1 where it cannot be opened now."""
    for _ in range(_TRIES):
        try:
            file = regular(log)
        except OSError:
            place = place_of(log)
            if not place.inode:
                return -1, place
            continue
        place = place_of(log)
        if place.is_in(os.fstat(file)):
            return file, place
        os.close(file)  # renamed while the folder was listed
    return -1, Position(0, 0, 0)


def follow_lines(
    path: str,
    start: Position | None,
    *,
    stop: Callable[[], bool],
    sleep: Callable[[float], object],
    interval: float = INTERVAL,
    max_line: int = MAX_LINE_BYTES,
) -> Iterator[bytes | None]:
    """Yield each line after `start` (None: from the beginning of what file comes), until `stop()` says so.

    A renamed file is read to its end, and `GRACE_SECONDS` longer beside the one that stands in its place. What was
    rotated several times between two looks is read too, compressed or not. Any other file than the one that `start`
    names is read from its beginning.
    """
    chain = _Chain(path, start, max_line, round(GRACE_SECONDS / interval))
    try:
        while True:
            yield from chain.look()
            if stop():
                return
            sleep(interval)
    finally:
        chain.close()


def follow(
    path: str,
    start: Position | None,
    *,
    stop: Callable[[], bool],
    sleep: Callable[[float], object],
    interval: float = INTERVAL,
    seen: Seen | None = None,
) -> Iterator[Item]:
    """Yield the events and bad lines that `follow_lines` brings; lines are not counted and have no number.

    An event comes once, also where it was written again. `seen` knows the events that were shown before.
    """
    known = seen or Seen()
    for data in follow_lines(path, start, stop=stop, sleep=sleep, interval=interval):
        for item in read_found(path, [(1, data)], _no_number):
            if isinstance(item, BadLine):
                yield BadLine(path, 0, f"a new line: {item.reason}", is_new=True)
            elif known.is_new(item.event):
                yield item


def _no_number(_offset: int) -> int:
    return 0
