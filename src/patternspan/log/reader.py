"""Lines of a log as values: an event, or a bad line that says where and what is wrong. Nothing raises."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.errors import LineError, MissingExtraError
from patternspan.files import NOT_REGULAR
from patternspan.log.glued import glued
from patternspan.log.scan import Found, count_lines, scan
from patternspan.model.packing import Unpacked, compression_of
from patternspan.model.wire import MAX_LINE_BYTES, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from patternspan.model.event import PatternEvent

STDIN: Final = "-"
NO_FILE: Final = "no such file"
"""The reason of a `BadLine` where there is nothing of this name."""
_READ: Final = os.O_RDONLY | os.O_CLOEXEC
_MARK: Final = b"\xef\xbb\xbf"
_BLANKS: Final = b" \t\r\n"
_MOST_HELD: Final = 100_000


class LogLine(msgspec.Struct, frozen=True):
    """A line that holds an event."""

    path: str
    offset: int
    """Of its first byte in the file."""
    data: bytes
    """As it stands in the file, without its newline."""
    event: PatternEvent


class BadLine(msgspec.Struct, frozen=True):
    """A line that cannot be read, or a whole file (`number` 0)."""

    path: str
    number: int
    """Counted from 1; 0 where it is the whole file, or a line that was never counted."""
    reason: str
    is_new: bool = False
    """Whether a follower met it: it is one line, without a number."""

    def __str__(self) -> str:
        name = "stdin" if self.path == STDIN else self.path
        return f"{name}:{self.number}: {self.reason}" if self.number else f"{name}: {self.reason}"


Item = LogLine | BadLine


def open_log(path: str, *, named: bool = True) -> int | BadLine:
    """Return a descriptor to read from, or what is wrong with the file; `-` is the standard input.

    A pipe is read where somebody named it. One that stands where a log is looked for is not waited for.
    """
    if path == STDIN:
        return os.dup(0)
    try:
        descriptor = os.open(path, _READ if named else _READ | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        return BadLine(path, 0, _because(error))
    except ValueError:
        return BadLine(path, 0, "not a path: it holds a NUL")
    wrong = _no_log(descriptor, named)
    if wrong:
        os.close(descriptor)
        return BadLine(path, 0, wrong)
    return descriptor


def _no_log(descriptor: int, named: bool) -> str:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        return "a directory, not a log"
    if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and not os.isatty(descriptor) and not _is_null(descriptor):
        return "a device, not a log"  # some of them have no end
    return "" if named or stat.S_ISREG(mode) or _is_null(descriptor) else NOT_REGULAR


def _is_null(descriptor: int) -> bool:
    return os.fstat(descriptor).st_rdev == os.stat(os.devnull).st_rdev


def _because(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return NO_FILE
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if error.errno == errno.ENXIO:
        return NOT_REGULAR  # a socket
    return error.strerror or str(error)


def is_plain(descriptor: int, path: str) -> bool:
    """Say whether the file can be read from any place in it; a pipe cannot."""
    return path != STDIN and stat.S_ISREG(os.fstat(descriptor).st_mode)


def unpacked(descriptor: int, path: str) -> Unpacked | BadLine | None:
    """Return the text of a compressed file; None where the file is not compressed, whatever its name."""
    if not is_plain(descriptor, path):
        return None
    compression = compression_of(os.pread(descriptor, 4, 0))
    if compression is None:
        return None
    at = [0]

    def read(size: int) -> bytes:
        data = os.pread(descriptor, size, at[0])
        at[0] += len(data)
        return data

    try:
        return Unpacked(read, compression)
    except MissingExtraError as error:
        return BadLine(path, 0, str(error))


class PackedNumbers:
    """Numbers of the lines of a compressed file by their offset in its text, counted only when asked."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._file = (descriptor, path)
        self._text = unpacked(*self._file)
        self._offset, self._number = 0, 1

    def at(self, offset: int) -> int:
        """Return the number of the line that begins at `offset`."""
        if offset < self._offset:
            self._text, self._offset, self._number = unpacked(*self._file), 0, 1
        room = memoryview(bytearray(1 << 18))
        while self._offset < offset and isinstance(self._text, Unpacked):
            count = self._text.readinto(room[: offset - self._offset])
            if not count:
                break
            self._number += bytes(room[:count]).count(b"\n")
            self._offset += count
        return self._number


def read_packed(path: str, descriptor: int, text: Unpacked, needles: tuple[bytes, ...] = ()) -> Iterator[Item]:
    """Read the text of a compressed file: the lines that hold one of the needles, or all.

    Where the file is damaged, what stands before comes, and one bad line for all the rest.
    """
    numbers = PackedNumbers(descriptor, path)
    held: list[BadLine] = []
    for item in read_found(path, before_damage(scan(text, None, None, needles), text), numbers.at):
        if isinstance(item, BadLine) and len(held) < _MOST_HELD:
            # Behind damage comes nonsense, for as long as nothing contradicts it.
            held.append(item)
            continue
        yield from held
        held.clear()
        yield item
    if not text.error:
        yield from held
        return
    number = held[0].number if held else numbers.at(text.position)
    yield BadLine(path, number, f"not readable from here on: {text.error}")


def before_damage(found: Iterable[Found], text: Unpacked) -> Iterator[Found]:
    """Leave out the line in which the damage is."""
    held: Found | None = None
    for one in found:
        if held is not None:
            yield held
        held = one
    if held is not None and not (text.error and held[0] + len(held[1] or b"") == text.position):
        yield held


class LineNumbers:
    """Numbers of lines by their offset, counted only when asked; cheap where offsets rise."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._known = (0, 1)

    def at(self, offset: int) -> int:
        """Return the number of the line that begins at `offset`."""
        start, number = self._known if self._known[0] <= offset else (0, 1)
        number += count_lines(self._descriptor, start, offset)
        self._known = (offset, number)
        return number


def read_found(
    path: str, found: Iterable[Found], number_at: Callable[[int], int], max_line: int = MAX_LINE_BYTES
) -> Iterator[Item]:
    """Decode lines that a scan found; blank ones are passed over."""
    for offset, text in found:
        if text is None:
            yield BadLine(path, number_at(offset), f"longer than {max_line:,} bytes: not read")
            continue
        data = text.removeprefix(_MARK) if offset == 0 else text
        try:
            event = decode(data)
        except LineError as error:
            if not data.strip(_BLANKS):
                continue
            yield BadLine(path, number_at(offset), str(error))
            for begin, end, event in glued(data):
                yield LogLine(path, offset + begin, data[begin:end].rstrip(_BLANKS), event)
            continue
        yield LogLine(path, offset, data.rstrip(_BLANKS), event)


def read_stream(path: str, descriptor: int, needles: tuple[bytes, ...] = ()) -> Iterator[Item]:
    """Read a pipe to its end: the lines that hold one of the needles, or all."""
    numbers: dict[int, int] = {}

    def counted() -> Iterator[Found]:
        for number, (offset, data) in enumerate(scan(descriptor, None), 1):
            if data is None or not needles or any(needle in data for needle in needles):
                numbers.clear()
                numbers[offset] = number
                yield offset, data

    try:
        yield from read_found(path, counted(), numbers.__getitem__)
    except OSError as error:
        yield BadLine(path, 0, _because(error))


def read_all(path: str) -> Iterator[Item]:
    """Yield every line of a file, a pipe or the standard input (`-`)."""
    opened = open_log(path)
    if isinstance(opened, BadLine):
        yield opened
        return
    try:
        text = unpacked(opened, path)
        if isinstance(text, BadLine):
            yield text
        elif text is not None:
            yield from read_packed(path, opened, text)
        else:
            yield from read_stream(path, opened)
    finally:
        os.close(opened)
