"""Reading one file of a log from end to end, once: hashes at wanted places, and where lines are torn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.errors import LineError
from patternspan.evidence.beside import BLOCK, Beside
from patternspan.evidence.segments import Segment, pieces
from patternspan.model.wire import MAX_LINE_BYTES, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from patternspan.model.event import PatternEvent

_START: Final = b'{"event_id":'
_ID: Final = re.compile(rb'"event_id":"([A-Za-z0-9._-]{1,64})"')
_BETWEEN: Final = b"}\n" + _START


class Torn(msgspec.Struct, frozen=True):
    """A line that holds no event, or an event behind the rest of another."""

    line: int
    reason: str
    event_id: str = ""


class Through(msgspec.Struct, frozen=True, kw_only=True):
    """What was read."""

    size: int
    """In bytes."""
    lines: int
    sha256: dict[int, str]
    """Of the first so many bytes, for each number asked for that the file has; and of all of them."""
    before: dict[int, bytes]
    """The last byte before each of these places."""
    torn: tuple[Torn, ...]


def read_through(
    segment: Segment, cuts: Iterable[int] = (), *, lines: int | None = None, hashed: bool = True
) -> Through:
    """Read a file. Raises OSError or UnreadableError.

    Where its number of lines is known, a file that looks whole is not looked at more closely.
    """
    wanted = sorted(set(cuts))
    hashes: dict[int, str] = {}
    before: dict[int, bytes] = {}
    judge = _Judge() if lines is None else _Glance(lines)
    size, last = 0, b""
    with Beside() as sha256:
        for data in pieces(segment, BLOCK):
            at = 0
            while hashed and wanted and wanted[0] <= size + len(data):
                cut = wanted.pop(0) - size
                sha256.update(memoryview(data)[at:cut])
                hashes[size + cut], before[size + cut] = sha256.hexdigest(), data[cut - 1 : cut] if cut else last
                at = cut
            if hashed:
                sha256.update(memoryview(data)[at:])
            size, last = size + len(data), data[-1:]
            judge.feed(data)
        hashes[size], before[size] = sha256.hexdigest(), last
    if judge.end():
        return Through(size=size, lines=judge.lines, sha256=hashes, before=before, torn=tuple(judge.torn))
    looked = read_through(segment, hashed=False)
    return Through(size=size, lines=looked.lines, sha256=hashes, before=before, torn=looked.torn)


class _Glance:
    """Says of a file of so many lines whether each looks like an event, from counts alone: none is cut out.

    Where all newlines stand between an end and a beginning of events, only what was cut off behind a brace, or glued to
    another line, could be hidden in a line; and that leaves a brace open.
    """

    torn: tuple[Torn, ...] = ()

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self._between = self._open = 0
        self._first = self._last = b""

    def feed(self, data: bytes) -> None:
        room = len(_BETWEEN) - 1
        seam = self._last + data[:room]
        self._first = self._first if len(self._first) >= room else (self._first + data)[:room]
        self._last = (self._last + data)[-room:] if len(data) < room else data[-room:]
        self._between += data.count(_BETWEEN) + seam.count(_BETWEEN)
        self._open += data.count(b"{") - data.count(b"}")

    def end(self) -> bool:
        """Take the end of the file; say whether no line needs a closer look."""
        whole = self._first.startswith(_START) and self._last.endswith(b"}\n")
        return whole and self._between == self.lines - 1 and self._open == 0


class _Judge:
    """Finds torn lines. Where a piece looks like whole lines of the recorder, none of them is decoded."""

    def __init__(self) -> None:
        self.lines = 0
        self.torn: list[Torn] = []
        self._held: list[bytes] = []
        self._room = MAX_LINE_BYTES

    def feed(self, data: bytes) -> None:
        end = data.rfind(b"\n") + 1
        if not end:
            # Of a line that is longer than any reader takes the beginning will do: it is torn anyhow.
            if self._room > 0:
                self._held.append(data)
                self._room -= len(data)
            return
        self._room = MAX_LINE_BYTES
        body = b"".join([*self._held, data[:end]])
        self._held = [data[end:]] if end < len(data) else []
        count = body.count(b"\n")
        glance = _Glance(count)
        glance.feed(body)
        if not glance.end():
            self._judge(body[:-1].split(b"\n"))
        self.lines += count

    def end(self) -> bool:
        """Take the end of the file."""
        rest = b"".join(self._held)
        if rest:
            self.torn.append(Torn(self.lines + 1, "torn: the last line has no newline", likely_event_id(rest)))
            self.lines += 1
        return True

    def _judge(self, lines: list[bytes]) -> None:
        for number, line in enumerate(lines, self.lines + 1):
            try:
                decode(line)
            except LineError as error:
                if line.strip():
                    self.torn.append(Torn(number, f"torn: {error}", likely_event_id(line)))


def event_in(line: bytes) -> PatternEvent | None:
    """Return the event in a line, or one that stands whole at its end; None where there is none."""
    at = line.rfind(_START, 1)
    for text in (line, line[at:] if at > 0 else b""):
        if text:
            try:
                return decode(text)
            except LineError:
                continue
    return None


def event_id_of(line: bytes) -> str:
    """Return the id of the event in a line; empty where there is none."""
    event = event_in(line)
    return event.event_id if event is not None else ""


def likely_event_id(line: bytes) -> str:
    """Return the first id that a line speaks of, even where it is no event any more; empty where it speaks of none."""
    named = _ID.search(line)
    return named[1].decode() if named is not None else event_id_of(line)
