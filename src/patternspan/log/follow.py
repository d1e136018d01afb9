"""New lines of a log as they come, across rotation, truncation and removal; never a line twice.

The file is asked for its size a few times a second. A wake costs what the new lines cost, whatever the size.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.log.reader import BadLine, Item, read_found
from patternspan.log.scan import backward
from patternspan.model.wire import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INTERVAL: Final = 0.15
"""Seconds between two looks at the file."""

_CHUNK: Final = 1 << 18
_MEMORY: Final = 512
"""Bytes before the position that are remembered, to see that a file was emptied and filled again."""


class Position(msgspec.Struct, frozen=True):
    """A place in a file that is known by its device and inode, not by its name."""

    device: int
    inode: int
    offset: int


def end_of(path: str) -> Position | None:
    """Return the place after the last whole line of a file; None where there is no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        offset = status.st_size
        if offset and os.pread(descriptor, 1, offset - 1) != b"\n":
            begin, end = next(backward(descriptor, 0, offset, _MEMORY))
            offset = begin + os.pread(descriptor, end - begin, begin).rfind(b"\n") + 1
        return Position(status.st_dev, status.st_ino, offset)
    except OSError:
        return None
    finally:
        os.close(descriptor)


class _Tail:
    """One open file, read forward from a place in it."""

    def __init__(self, descriptor: int, position: Position, max_line: int) -> None:
        self.descriptor = descriptor
        self.position = position
        self._offset = position.offset
        self._max_line = max_line
        self._waiting: list[bytes | None] = []
        self._restart(position.offset)

    def _restart(self, offset: int) -> None:
        self._offset = offset
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._skipping = False
        self._before = os.pread(self.descriptor, _MEMORY, max(0, offset - _MEMORY))[: min(offset, _MEMORY)]

    def is_file(self, status: os.stat_result) -> bool:
        return (status.st_dev, status.st_ino) == (self.position.device, self.position.inode)

    def lines(self) -> Iterator[bytes | None]:
        """Yield the whole lines that have come; None for one that is too long to read."""
        size = os.fstat(self.descriptor).st_size
        if size == self._offset:
            return
        if size < self._offset or not self._same_before():
            self._restart(0)
        while data := os.pread(self.descriptor, _CHUNK, self._offset):
            self._offset += len(data)
            self._before = (self._before + data)[-_MEMORY:]
            yield from self._split(data)

    def wait(self) -> None:
        """Read the lines that have come, and keep them."""
        self._waiting.extend(self.lines())

    def take(self) -> Iterator[bytes | None]:
        """Yield the lines that were kept, then those that have come."""
        waiting, self._waiting = self._waiting, []
        yield from waiting
        yield from self.lines()

    def _same_before(self) -> bool:
        start = self._offset - len(self._before)
        return os.pread(self.descriptor, len(self._before), start) == self._before

    def _split(self, data: bytes) -> Iterator[bytes | None]:
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
        """Return the unfinished last line of a file that will not grow any more."""
        return b"".join(self._held)

    def close(self) -> None:
        os.close(self.descriptor)


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

    A renamed file is read to its end, one look longer than its successor stands in its place; then comes
    that, from its beginning. Any other file than the one that `start` names is read from its beginning. A file
    that was there only between two looks is missed.
    """
    tails: list[_Tail] = []
    final_look = False
    try:
        while True:
            _open_new(path, tails, start, max_line)
            if tails:
                yield from tails[0].take()
            for tail in tails[1:]:
                # It may be emptied or renamed before its turn comes.
                tail.wait()
            if len(tails) > 1 and final_look:
                yield from _close_first(tails)
                final_look = False
                continue
            final_look = len(tails) > 1
            if stop():
                return
            sleep(interval)
    finally:
        for tail in tails:
            tail.close()


def _close_first(tails: list[_Tail]) -> Iterator[bytes]:
    tail = tails.pop(0)
    tail.close()
    if tail.rest():
        yield tail.rest()


def _open_new(path: str, tails: list[_Tail], start: Position | None, max_line: int) -> None:
    """Open the file under this name, where it is not the one that was opened last."""
    try:
        status = os.stat(path)
        if (tails and tails[-1].is_file(status)) or stat.S_ISDIR(status.st_mode):
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    status = os.fstat(descriptor)
    offset = 0
    if start is not None and not tails and (status.st_dev, status.st_ino) == (start.device, start.inode):
        offset = start.offset
    tails.append(_Tail(descriptor, Position(status.st_dev, status.st_ino, offset), max_line))


def follow(
    path: str,
    start: Position | None,
    *,
    stop: Callable[[], bool],
    sleep: Callable[[float], object],
    interval: float = INTERVAL,
) -> Iterator[Item]:
    """Yield the events and bad lines that `follow_lines` brings; lines are not counted and have no number."""
    for data in follow_lines(path, start, stop=stop, sleep=sleep, interval=interval):
        for item in read_found(path, [(1, data)], _no_number):
            if isinstance(item, BadLine):
                yield BadLine(path, 0, f"a new line: {item.reason}", is_new=True)
            else:
                yield item


def _no_number(_offset: int) -> int:
    return 0
