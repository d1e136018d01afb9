"""Whole events that stand behind torn ones in one line.

A writer that is killed in the middle of a line leaves it without an end, and what is appended next is glued to it. A
whole event ends where the line ends, or where the next event begins; between two such ends stand any number of torn
beginnings and then at most one whole event. Nothing else in a line can look like that: inside a text of JSON each
quotation mark has a backslash before it, and between members stands a comma. One thing cannot be told: an event that
is quoted in details, where the quoting one is torn right behind it and glued to the next, is taken for a whole one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.errors import LineError
from patternspan.model.wire import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patternspan.model.event import PatternEvent

_BEGIN: Final = re.compile(rb'\{[ \t]*"event_id"[ \t]*:')
# Between an end and the next beginning may stand pieces that are too short to be seen as beginnings.
_PIECES: Final = b"|".join(re.escape(b'{"event_id"'[:length]) for length in range(11, 0, -1))
_ENDED: Final = re.compile(rb"\}([ \t\r]*(?:" + _PIECES + rb")*)\Z")
_WINDOW: Final = 128
_ROOM: Final = 16 * 1024 * 1024
_TIMES: Final = 8
_LEAST: Final = 256
"""What a try costs in time, in bytes."""
_PLACE: Final = re.compile(r"\(byte (\d+)\)")
_judge: Final = msgspec.json.Decoder(msgspec.Raw).decode


def glued(data: bytes) -> Iterator[tuple[int, int, PatternEvent]]:
    """Yield where each whole event of a line that is none begins and ends, and the event.

    A line that somebody made to be slow is not looked through to its end: eight times its length and 16 MiB are read.
    """
    begins = [match.start() for match in _BEGIN.finditer(data)]
    matches = (_ENDED.search(data, max(0, at - _WINDOW), at) for at in (*begins, len(data)))
    ends = [match.start(1) for match in matches if match is not None]
    room = _ROOM + _TIMES * len(data)
    at = 0
    for end in ends:
        found = False
        while at < len(begins) and begins[at] < end:
            begin = begins[at]
            at += 1
            if found or (begin == 0 and end == len(data)):
                continue  # inside the one that was found; or the whole line, which has been tried
            if room < 0:
                return
            event, read = _event(data, begin, end)
            room -= max(read, _LEAST)
            if event is not None:
                found = True
                yield begin, end, event


def _event(data: bytes, begin: int, end: int) -> tuple[PatternEvent | None, int]:
    """Return the event that stands there, if one does, and how many bytes were read for it."""
    with memoryview(data) as view, view[begin:end] as part:
        try:
            _judge(part)
        except msgspec.DecodeError as error:
            place = _PLACE.search(str(error))
            return None, int(place[1]) if place else end - begin
        except RecursionError:
            return None, end - begin
    try:
        return decode(data[begin:end]), end - begin
    except LineError:
        return None, end - begin
