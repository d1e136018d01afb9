"""What could not be written, as the first line written afterwards says: its member `gap`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from patternspan.aggregate.plain import counted, visible_in
from patternspan.model.event import PatternEvent
from patternspan.model.ids import instant, is_timestamp

GAP: Final = "gap"
_LONGEST: Final = 120


class Gap(msgspec.Struct, frozen=True):
    """A time in which events could not be written; what is not told is empty, or 0."""

    events: int
    since: str
    until: str
    reason: str

    def __str__(self) -> str:
        """Return the gap in words that are safe to show."""
        between = f" between {self.since} and {self.until}" if self.since and self.until else ""
        reason = f" ({self.reason})" if self.reason else ""
        return f"gap: {counted(self.events, 'event')} could not be written{between}{reason}"

    def touches(self, start_ns: int, end_ns: int) -> bool:
        """Say whether it may have fallen into this time; one whose time is not told may always have."""
        if not (self.since and self.until):
            return True
        # Both are cut to the microsecond.
        return instant(self.since) <= end_ns + 1000 and instant(self.until) >= start_ns - 1000


def gap_of(event: PatternEvent) -> Gap | None:
    """Return the gap before an event, if its line tells of one; of one that is told wrongly, what can be used."""
    members = event.extra.get(GAP)
    if not isinstance(members, dict):
        return None
    count = members.get("events")
    return Gap(
        count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 1 << 63 else 0,
        _time(members.get("since")),
        _time(members.get("until")),
        _text(members.get("reason")),
    )


def _time(value: Any) -> str:
    return value if isinstance(value, str) and is_timestamp(value) else ""


def _text(value: Any) -> str:
    return visible_in(value, _LONGEST) if isinstance(value, str) else ""


def summary(gaps: Iterable[Gap]) -> str:
    """Return how many gaps there are and how many events they cost, in one line."""
    listed = list(gaps)
    return f"{counted(len(listed), 'gap')}: {counted(sum(gap.events for gap in listed), 'event')} could not be written"
