"""Adding an event to an SDK span at the price of one small object.

`Span.add_event` checks and copies every attribute, which costs more than the event. An event's attributes
are all in its line already, exact and never changed afterwards. So where a span has no limits of its own on
attributes, a `LineEvent` goes straight to the list that `add_event` would append to; its attributes are read from the
line when somebody (an exporter, in its own thread) looks at them. Any other span, and any SDK that has no such list,
gets `add_event`; a test holds both ways equal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from opentelemetry.sdk.trace import EventBase
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import Span

from patternspan.model.attributes import AttributeValue, event_attributes
from patternspan.model.wire import decode
from patternspan.record.hub import EventAdder, add_event

_MOST_ATTRIBUTES = 128
"""More than `event_attributes` ever makes."""


class LineEvent(msgspec.Struct, frozen=True, gc=False):
    """A span event whose attributes stand in the event's line."""

    name: str
    timestamp: int
    """Nanoseconds since the Unix epoch."""
    line: bytes

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """The attributes, the same as `add_event` would have been given."""
        return MappingProxyType(event_attributes(decode(self.line)))

    @property
    def dropped_attributes(self) -> int:
        """Always 0."""
        return 0


EventBase.register(LineEvent)


def add_line_event(span: Any, event_type: str, line: bytes, time_ns: int) -> None:
    """Add an event to an SDK span without attribute limits.

    The list of a span is a deque with a lock around it, which keeps the count of what was dropped exact. The lock is
    left out: one `append` is one step, and a signal handler that records in the middle of one would wait for itself.
    """
    events = span._events  # noqa: SLF001 - see above
    kept = events._dq  # noqa: SLF001
    if len(kept) == kept.maxlen:
        events.dropped += 1
    kept.append(LineEvent(event_type, time_ns, line))


class _Chooser:
    """Chooses how to add events, once for all spans of a provider: they share its limits."""

    def __init__(self) -> None:
        self._limits: object = None
        self._adder: EventAdder = add_event

    def __call__(self, span: Span) -> EventAdder:
        limits = getattr(span, "_limits", None)
        if limits is None:
            return add_event
        if limits is not self._limits:
            self._adder = add_line_event if _is_unlimited(span, limits) else add_event
            self._limits = limits
        return self._adder


def _is_unlimited(span: Span, limits: object) -> bool:
    return (
        isinstance(span, SdkSpan)
        and isinstance(getattr(getattr(span, "_events", None), "_dq", None), deque)
        and getattr(limits, "max_attribute_length", 0) is None
        and getattr(limits, "max_event_attributes", 0) >= _MOST_ATTRIBUTES
    )


adder_for = _Chooser()
"""Return the quickest way of adding events that is right for a span."""
