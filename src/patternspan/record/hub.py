"""The one place that every event passes, once: first the log, then the span, then in-process subscribers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET
from opentelemetry.trace import Span

from patternspan.files import PRIVATE
from patternspan.model.attributes import event_attributes
from patternspan.model.event import PatternEvent
from patternspan.model.wire import decode, encode
from patternspan.record import guard
from patternspan.record.meter import Meter
from patternspan.record.redact import as_plain

LineWriter = Callable[[bytes, str, str], None]
"""Takes the line of an event (newline included), its job's id and its own; has written it when it returns."""

Subscriber = Callable[[PatternEvent], None]
"""Hears each event, in the thread that recorded it."""

EndListener = Callable[[Sequence[PatternEvent]], None]
"""Hears the events of each run that has ended."""

EventAdder = Callable[[Any, str, bytes, int], None]
"""Adds an event to a span, or tells it beside one: (span, event type, line, nanoseconds since the Unix epoch)."""


def add_event(span: Span, event_type: str, line: bytes, time_ns: int) -> None:
    """Add an event in the way that any span knows."""
    span.add_event(event_type, event_attributes(decode(line)), time_ns)


class Hub:
    """Hands each event on. One per process (`hub` below); `patternspan.testing` swaps what hangs on it."""

    def __init__(self) -> None:
        self.enabled = True
        self.phase_spans = True
        self.trace_members = True
        self.max_value_chars = 4096
        self.preview_chars = 2000
        self.keep_whole = False
        self.max_line_bytes = 1 << 20
        self.default_job_id = ""
        self.default_step_id: str | None = None
        self.root = "state"
        self.modes = PRIVATE
        self.writers: tuple[LineWriter, ...] = ()
        self.subscribers: tuple[Subscriber, ...] = ()
        self.end_listeners: tuple[EndListener, ...] = ()
        self.log_event: EventAdder | None = None
        """Makes a log event of each event, where that is asked for."""
        self.meter: Meter | None = None
        """Hears figures of runs, where metrics are on."""
        self.adder_for: Callable[[Span], EventAdder] = lambda _span: add_event
        self.starter: Callable[[], None] | None = None
        """Configures with defaults; called once, by the first run, where nothing was configured."""
        self._start_lock = threading.RLock()
        self._is_starting = False

    def start(self) -> None:
        """Configure with defaults unless that was done; threads whose first runs come at once wait for it."""
        if self.starter is None:
            return
        with self._start_lock:
            starter = self.starter
            if starter is None or self._is_starting:
                return
            self._is_starting = True
            try:
                starter()
            except OSError as error:  # no descriptor to import with, say: the next run tries again
                guard.fault("configuration", error)
            except Exception as error:  # noqa: BLE001 - a fault here must not reach the first decorated call
                self.starter = None
                guard.fault("configuration", error)
            else:
                self.starter = None
            finally:
                self._is_starting = False

    def after_fork(self) -> None:
        """Forget a lock that another thread of the parent may have held."""
        self._start_lock = threading.RLock()
        self._is_starting = False

    def publish(
        self,
        event: PatternEvent,
        span: Span,
        time_ns: int,
        add: EventAdder | None,
        writers: tuple[LineWriter, ...] | None = None,
    ) -> PatternEvent:
        """Pass one event on and return it as it was written; see `pass_on`."""
        try:
            line = encode(event) + b"\n"
        except (TypeError, ValueError, RecursionError):
            members = msgspec.structs.asdict(event)
            plain = {name: as_plain(value) for name, value in members.items() if value is not UNSET}
            event = msgspec.structs.replace(event, **plain)
            line = encode(event) + b"\n"
        if len(line) > self.max_line_bytes:
            event = self.fitted(event)
            line = encode(event) + b"\n"
        writers = self.writers if writers is None else writers
        self.pass_on(event.event_type, line, event.job_id, event.event_id, span, time_ns, add, writers)
        return event

    def pass_on(
        self,
        event_type: str,
        line: bytes,
        job_id: str,
        event_id: str,
        span: Span,
        time_ns: int,
        add: EventAdder | None,
        writers: tuple[LineWriter, ...],
    ) -> None:
        """Have one line written, then shown on the span and to the subscribers. Without `add` there is no span."""
        for write in writers:
            try:
                write(line, job_id, event_id)
            except Exception as error:  # noqa: BLE001 - one sink's fault stops neither the others nor the caller
                guard.fault("log", error)
        if add is not None:
            try:
                add(span, event_type, line, time_ns)
            except Exception as error:  # noqa: BLE001
                guard.fault("span", error)
        if self.log_event is not None:
            try:
                self.log_event(span, event_type, line, time_ns)
            except Exception as error:  # noqa: BLE001
                guard.fault("log event", error)
        if self.subscribers:
            self._tell(decode(line))

    def _tell(self, event: PatternEvent) -> None:
        for hear in self.subscribers:
            try:
                hear(event)
            except Exception as error:  # noqa: BLE001
                guard.fault("subscriber", error)

    def fitted(self, event: PatternEvent) -> PatternEvent:
        """Return the event with details that are cut until its line is no longer than a line may be."""
        from patternspan.record.fitting import fitted  # which few processes ever need

        return fitted(event, self.max_line_bytes)

    def end(self, events: Sequence[PatternEvent]) -> None:
        """Tell the end listeners that a run has ended."""
        for hear in self.end_listeners:
            try:
                hear(events)
            except Exception as error:  # noqa: BLE001
                guard.fault("archive", error)

    def subscribe(self, hear: Subscriber) -> Callable[[], None]:
        """Let `hear` have each event from now on; call what is returned to stop."""
        self.subscribers = (*self.subscribers, hear)

        def stop() -> None:
            self.subscribers = tuple(other for other in self.subscribers if other is not hear)

        return stop


hub: Final = Hub()
"""The process's hub."""

os.register_at_fork(after_in_child=hub.after_fork)


def subscribe(hear: Subscriber) -> Callable[[], None]:
    """Call `hear` with each event that this process records, as it happens; the returned function ends that."""
    return hub.subscribe(hear)
