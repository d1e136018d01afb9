"""Adding an event to an SDK span at the price of one small object.

`Span.add_event` checks and copies every attribute, which is half the cost of recording a run. An event's attributes
are all in its line already, exact and never changed afterwards. So where a span has no limits of its own on attributes,
the SDK's public `Event` goes straight to the list that `add_event` would append it to, with attributes that are read
from the line when somebody (an exporter, in its own thread) looks at them. Any other span, and any SDK that has no such
list, gets `add_event`; a test holds both ways equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import Span

from patternspan.model.attributes import AttributeValue, event_attributes
from patternspan.model.event import PatternEvent
from patternspan.model.wire import decode
from patternspan.record.hub import EventAdder, add_event

_MOST_ATTRIBUTES = 128
"""More than `details_to_attributes` ever makes."""


class LineAttributes(Mapping[str, AttributeValue]):
    """The attributes of one span event, read from the event's line when first asked for."""

    __slots__ = ("_line", "_values")

    def __init__(self, line: bytes) -> None:
        self._line = line
        self._values: dict[str, AttributeValue] | None = None

    def _read(self) -> dict[str, AttributeValue]:
        values = self._values
        if values is None:
            self._values = values = event_attributes(decode(self._line))
        return values

    def __getitem__(self, key: str) -> AttributeValue:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


def add_line_event(span: Any, event: PatternEvent, line: bytes, time_ns: int) -> None:
    """Add an event to an SDK span without attribute limits."""
    span._add_event(Event(event.event_type, LineAttributes(line), time_ns))  # noqa: SLF001 - see above


def adder_for(span: Span) -> EventAdder:
    """Return the quickest way that is right for this span."""
    limits = getattr(span, "_limits", None)
    if (
        isinstance(span, SdkSpan)
        and getattr(limits, "max_attribute_length", 0) is None
        and getattr(limits, "max_event_attributes", 0) >= _MOST_ATTRIBUTES
        and hasattr(span, "_add_event")
    ):
        return add_line_event
    return add_event
