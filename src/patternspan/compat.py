"""The earlier system's names, on this package's rails: moving over is a change of the import line.

    from patternspan import PatternEvent, PatternEventEmitter, PatternRun, PatternRunAggregator, emit_pattern_event

Events written through them pass the same hub as all others, so they reach the log, the spans and the subscribers.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode

from patternspan.errors import ConformanceError, NotFoundError
from patternspan.export.sink import JsonlSink
from patternspan.layout import LOG_NAME
from patternspan.log.reader import LogLine
from patternspan.log.search import Query, find
from patternspan.model.event import PatternEvent
from patternspan.model.fold import fold, in_order, is_terminal
from patternspan.model.run import PatternRun
from patternspan.model.vocabulary import (
    ERROR_TYPE,
    JOB_ID,
    PATTERN_ID,
    RUN_ID,
    RUN_STATUS,
    SPAN_RUN,
    STEP_ID,
)
from patternspan.model.wire import encode_value
from patternspan.record import guard
from patternspan.record.capture import bounded_members
from patternspan.record.context import base_context
from patternspan.record.hub import LineWriter, hub
from patternspan.record.outcome import description_of
from patternspan.record.redact import is_clean, redact_details
from patternspan.record.redact_sinks import redact_members

__all__ = [
    "PatternEvent",
    "PatternEventEmitter",
    "PatternRun",
    "PatternRunAggregator",
    "emit_pattern_event",
]


_TEXTS: Final = ("event_type", "job_id", "pattern_run_id", "pattern_id", "status")


class _OpenSpans:
    """The spans of runs that are told of event by event: opened by a run's first event, ended by its last."""

    _MOST: Final = 1000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: OrderedDict[str, Span] = OrderedDict()
        self._events: OrderedDict[str, list[PatternEvent]] = OrderedDict()
        self._at_exit = False

    def of(self, event: PatternEvent) -> Span:
        """Return the run's span, a new one where this is its first event."""
        with self._lock:
            span = self._spans.get(event.pattern_run_id)
            if span is None:
                span = self._spans[event.pattern_run_id] = self._start(event)
                if len(self._spans) > self._MOST:
                    self._spans.popitem(last=False)[1].end()
                if not self._at_exit:
                    self._at_exit = True
                    atexit.register(self.end_all)
            return span

    def _start(self, event: PatternEvent) -> Span:
        attributes = {PATTERN_ID: event.pattern_id, RUN_ID: event.pattern_run_id, JOB_ID: event.job_id}
        if event.step_id is not None:
            attributes[STEP_ID] = event.step_id
        tracer = trace.get_tracer("patternspan")
        name = f"{SPAN_RUN} {event.pattern_id}"
        return tracer.start_span(name, base_context(), SpanKind.INTERNAL, attributes, start_time=event.time_ns)

    def keep(self, event: PatternEvent) -> None:
        """Keep an event for the archive of its run."""
        with self._lock:
            self._events.setdefault(event.pattern_run_id, []).append(event)
            if len(self._events) > self._MOST:
                self._events.popitem(last=False)

    def end(self, event: PatternEvent) -> list[PatternEvent]:
        """End the run's span with its terminal event, and return the events that were kept."""
        with self._lock:
            span = self._spans.pop(event.pattern_run_id, None)
            events = self._events.pop(event.pattern_run_id, [])
        if span is not None:
            span.set_attribute(RUN_STATUS, event.status)
            if event.status == "failed":
                span.set_attribute(ERROR_TYPE, str(event.details.get("error_type", "error")))
                span.set_status(Status(StatusCode.ERROR, description_of(event.details)))
            guard.ended(span, event.time_ns)
        return events

    def end_all(self) -> None:
        """End what never had a terminal event."""
        with self._lock:
            spans = list(self._spans.values())
            self._spans.clear()
        for span in spans:
            span.end()

    def after_fork(self) -> None:
        """Forget all in a forked child: the lock may be held, and the parent ends its spans."""
        self._lock = threading.Lock()
        self._spans.clear()
        self._events.clear()


_open_spans: Final = _OpenSpans()
os.register_at_fork(after_in_child=_open_spans.after_fork)


def _publish(event: PatternEvent, writers: tuple[LineWriter, ...] | None) -> PatternEvent:
    """Pass an event through the hub, on its run's span."""
    hub.start()
    if not hub.enabled:
        return event
    event = _clean(event)
    span: Span = INVALID_SPAN
    try:
        span = _open_spans.of(event)
        time_ns = event.time_ns
    except Exception as error:  # noqa: BLE001 - a wrong timestamp, a sampler: the line is written all the same
        guard.fault("span", error)
        time_ns = time.time_ns()
    add = None
    if span.is_recording():
        add = hub.adder_for(span)
        known = span.get_span_context()
        if event.trace_id is UNSET and hub.trace_members:
            trace_id, span_id = f"{known.trace_id:032x}", f"{known.span_id:016x}"
            event = msgspec.structs.replace(event, trace_id=trace_id, span_id=span_id)
    event = hub.publish(event, span, time_ns, add, writers)
    if writers is None and hub.end_listeners:
        _open_spans.keep(event)
    if is_terminal(event):
        events = _open_spans.end(event)
        if events:
            hub.end(in_order(events))
    return event


def _clean(event: PatternEvent) -> PatternEvent:
    """Return the event without secrets, and with details that have an end."""
    event = redact_members(event)
    try:
        if is_clean(event.details):
            return event
        encode_value(event.details)
    except RecursionError:
        details = bounded_members(event.details, hub.max_value_chars)
        return msgspec.structs.replace(event, details=redact_details(details))
    except (TypeError, ValueError):
        pass  # the hub makes text of what JSON cannot hold
    return msgspec.structs.replace(event, details=redact_details(event.details))


class PatternEventEmitter:
    """Writes events to a folder of logs, and reads them back.

    Without `events_dir` it is the configured one. Events go to the global log always, and to the job's own log where
    `job_scoped` says so; reading never depends on which.
    """

    def __init__(self, events_dir: str | os.PathLike[str] | None = None) -> None:
        self._own: dict[bool, JsonlSink] = {}
        if events_dir is None:
            hub.start()
            self.events_dir = os.path.join(hub.root, "events")
        else:
            self.events_dir = os.path.abspath(os.fspath(events_dir))
            self._own = {scoped: JsonlSink(self.events_dir, job_logs=scoped) for scoped in (False, True)}

    def emit(self, event: PatternEvent, job_scoped: bool = False) -> PatternEvent:
        """Record one event and return it as it was written."""
        try:
            return _publish(event, (self._own[job_scoped],) if self._own else None)
        except Exception as error:  # noqa: BLE001 - telemetry does not stop the caller
            guard.fault("emitter", error)
            return event

    def get_events(self, job_id: str | None = None, pattern_run_id: str | None = None) -> list[PatternEvent]:
        """Return the recorded events in order, each once, of one job or one run where that is given."""
        query = Query(
            job_ids=frozenset({job_id} if job_id is not None else ()),
            run_ids=frozenset({pattern_run_id} if pattern_run_id is not None else ()),
        )
        path = os.path.join(self.events_dir, LOG_NAME)
        if not os.path.exists(path):
            return []
        return in_order(item.event for item in find(path, query) if isinstance(item, LogLine))


class PatternRunAggregator:
    """Folds events into runs: those it is handed, and those that the emitter's log holds."""

    def __init__(self, emitter: PatternEventEmitter | None = None) -> None:
        self._emitter = emitter or PatternEventEmitter()
        self._events: dict[str, dict[str, PatternEvent]] = {}

    def handle_event(self, event: PatternEvent) -> PatternRun:
        """Take one event and return its run as it now stands. The same event twice changes nothing."""
        self._take([event])
        return self._fold(event.pattern_run_id)

    def get_run(self, pattern_run_id: str) -> PatternRun | None:
        """Return a run, from the log too; None where nothing is known of it."""
        self._take(self._emitter.get_events(pattern_run_id=pattern_run_id))
        return self._fold(pattern_run_id) if pattern_run_id in self._events else None

    def rebuild_from_events(self, job_id: str) -> list[PatternRun]:
        """Return the runs of a job, in the order in which they began, from the log. Doing it again changes nothing."""
        events = self._emitter.get_events(job_id=job_id)
        self._take(events)
        return [self._fold(run_id) for run_id in dict.fromkeys(event.pattern_run_id for event in events)]

    def _take(self, events: Iterable[PatternEvent]) -> None:
        for event in events:
            self._events.setdefault(event.pattern_run_id, {}).setdefault(event.event_id, event)

    def _fold(self, pattern_run_id: str) -> PatternRun:
        events = self._events.get(pattern_run_id)
        if not events:
            raise NotFoundError(f"{pattern_run_id}: no event of this run is known")
        return fold(events.values())


def emit_pattern_event(
    event_type: str,
    job_id: str,
    pattern_run_id: str,
    pattern_id: str,
    status: str,
    details: dict[str, Any] | None = None,
    step_id: str | None = None,
    emitter: PatternEventEmitter | None = None,
) -> PatternEvent:
    """Record one event outside any decorator and return it: to the configured log, or through `emitter`.

    Raises ConformanceError (a ValueError) that names each argument no reader could take; nothing is written then.
    """
    if details is not None and not isinstance(details, Mapping):
        raise ConformanceError(f"emit_pattern_event: details: an object is wanted, found {details!r:.60}")
    event = PatternEvent.create(
        event_type=event_type,
        job_id=job_id,
        pattern_run_id=pattern_run_id,
        pattern_id=pattern_id,
        status=status,
        details=dict(details or {}),
        step_id=step_id,
    )
    wrong = [name for name in _TEXTS if not isinstance(getattr(event, name), str)]
    if wrong:
        raise ConformanceError(f"emit_pattern_event: {wrong[0]}: a text is wanted, found {getattr(event, wrong[0])!r}")
    if emitter is not None:
        return emitter.emit(event)
    try:
        return _publish(event, None)
    except Exception as error:  # noqa: BLE001
        guard.fault("emit_pattern_event", error)
        return event
