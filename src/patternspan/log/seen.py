"""Events that were read before: a writer that cannot know whether its line is safe writes it again.

Both lines of such a pair mostly stand near each other, or one at the end of a segment and the other at the beginning of
the next. Where a writer was stopped in between they may be far apart. Then the second one shows it by its id, which is
older than those around it, and the first one is looked for in the log itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from patternspan.model.ids import EVENT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from patternspan.model.event import PatternEvent

_MOST: Final = 1 << 16
"""So many ids are remembered."""
_LATE_MS: Final = 500
"""A line is written again at the earliest one second after its writer last looked at the log."""
_MOST_LOOKS: Final = 64
_TIME: Final = slice(len(EVENT_PREFIX), len(EVENT_PREFIX) + 10)
_LENGTH: Final = len(EVENT_PREFIX) + 26
_DIGITS: Final = str.maketrans("0123456789ABCDEFGHJKMNPQRSTVWXYZ", "0123456789abcdefghijklmnopqrstuv")


class Seen:
    """The ids of the events that were read last."""

    def __init__(self, look_back: Callable[[str, int], bool] | None = None, most: int = _MOST) -> None:
        self._look_back = look_back
        self._most = most
        self._ids: dict[str, None] = {}
        self._newest = ""
        self._forgotten = False
        self._looks = 0

    def knows(self, event: PatternEvent) -> bool:
        """Say whether the event is remembered."""
        return event.event_id in self._ids

    def is_new(self, event: PatternEvent) -> bool:
        """Say whether the event comes for the first time, and remember it."""
        identifier = event.event_id
        if identifier in self._ids:
            return False
        self._ids[identifier] = None
        if len(self._ids) > self._most:
            del self._ids[next(iter(self._ids))]
            self._forgotten = True
        stamp = identifier[_TIME]
        if stamp >= self._newest:
            if len(identifier) == _LENGTH:
                self._newest = stamp
            return True
        return not (self._forgotten and self._stood_before(identifier, stamp))

    def _stood_before(self, identifier: str, stamp: str) -> bool:
        """Look for an event that comes late, too long after its first copy to be remembered."""
        if self._look_back is None or self._looks >= _MOST_LOOKS or len(identifier) != _LENGTH:
            return False
        try:
            made, newest = _milliseconds(stamp), _milliseconds(self._newest)
        except ValueError:
            return False
        if newest - made < _LATE_MS:
            return False
        self._looks += 1
        return self._look_back(identifier, made * 1_000_000)


def _milliseconds(stamp: str) -> int:
    return int(stamp.translate(_DIGITS), 32)
