"""For tests of code that is decorated: captured events, and faults that surface.

    from patternspan.testing import captured_events

    def test_my_executor():
        with captured_events() as events:
            scan("src")
        assert [event.event_type for event in events] == [...]

Inside the block nothing is written to disk, and a fault inside telemetry is raised instead of logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from patternspan.model.event import PatternEvent
from patternspan.record.guard import raise_faults
from patternspan.record.hub import hub


@contextmanager
def captured_events() -> Iterator[list[PatternEvent]]:
    """Give the list that each event recorded inside the block is put into, in order."""
    events: list[PatternEvent] = []
    before = (hub.writers, hub.end_listeners, hub.subscribers, hub.starter, hub.enabled)
    hub.writers, hub.end_listeners, hub.subscribers, hub.starter, hub.enabled = (
        (),
        (),
        (events.append,),
        None,
        True,
    )
    raising = raise_faults(enabled=True)
    try:
        yield events
    finally:
        raise_faults(enabled=raising)
        hub.writers, hub.end_listeners, hub.subscribers, hub.starter, hub.enabled = before
