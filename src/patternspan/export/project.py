"""Span <-> events, both ways, without loss. Works on anything with the shape of a `ReadableSpan`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from patternspan.errors import LineError
from patternspan.model.attributes import (
    details_from_attributes,
    details_to_attributes,
    members_beside,
    members_from_attributes,
)
from patternspan.model.event import PatternEvent
from patternspan.model.fold import end_of, fold_in_order
from patternspan.model.ids import EVENT_PREFIX, JOB_PREFIX, RUN_PREFIX, timestamp, ulid_text
from patternspan.model.span_note import parent_of
from patternspan.model.vocabulary import (
    DETAILS_PREFIX,
    ERROR_TYPE,
    EVENT_ID,
    EVENT_STATUS,
    EVENT_TYPES,
    EXECUTION_COMPLETED,
    JOB_ID,
    OPERATION_KIND,
    PATTERN_ID,
    PATTERN_VERSION,
    RESULTS,
    RUN_ATTEMPT,
    RUN_ID,
    RUN_RESULT,
    RUN_STATUS,
    SPAN_RUN,
    STEP_ID,
    UNKNOWN_OPERATION,
)
from patternspan.model.wire import decode, encode_value

_MOST_TIME: Final = 2**64 - 1
"""OTLP's times are unsigned nanoseconds in 64 bits."""


def events_from_span(span: Any) -> list[PatternEvent]:
    """Return the pattern events on a span, in its order; other events are passed over.

    Events that another library added under one of the ten names, without an id, get ids made from the span's own, so
    that reading the same span again gives the same events. Raises LineError where an attribute of ours is broken.
    """
    context = span.get_span_context()
    attributes = span.attributes or {}
    given = _given_by_span(attributes, context, span.name)
    found = []
    for number, event in enumerate(span.events):
        own = event.attributes or {}
        if EVENT_ID in own:
            found.append(_own_event(event, own, given))
        elif event.name in EVENT_TYPES:
            found.append(_foreign_event(event, own, given, number))
    return found


def _given_by_span(attributes: Mapping[str, Any], context: SpanContext, name: str) -> dict[str, Any]:
    trace_bytes = context.trace_id.to_bytes(16, "big")
    seed = trace_bytes + context.span_id.to_bytes(8, "big")
    return {
        "job_id": attributes.get(JOB_ID) or JOB_PREFIX + ulid_text(_digest(trace_bytes)),
        "step_id": attributes.get(STEP_ID),
        "pattern_run_id": attributes.get(RUN_ID) or RUN_PREFIX + ulid_text(_digest(seed)),
        "pattern_id": attributes.get(PATTERN_ID) or name,
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
    }


def _digest(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=16).digest(), "big")


def _own_event(event: Any, attributes: Mapping[str, Any], given: Mapping[str, Any]) -> PatternEvent:
    own = {
        "event_id": attributes[EVENT_ID],
        "event_type": event.name,
        "timestamp": timestamp(event.timestamp),
        "status": attributes.get(EVENT_STATUS),
        **given,
    }
    members = members_from_attributes(attributes, own)
    members["details"] = details_from_attributes(attributes)
    return _event(members)


def _foreign_event(event: Any, attributes: Mapping[str, Any], given: Mapping[str, Any], number: int) -> PatternEvent:
    kind = event.name
    seed = f"{given['trace_id']}{given['span_id']}{number}{kind}".encode()
    milliseconds = event.timestamp // 1_000_000 & (2**48 - 1)
    details = details_from_attributes(attributes)
    for key, value in attributes.items():
        if not key.startswith((DETAILS_PREFIX, "pattern.event.")):
            details[key] = list(value) if isinstance(value, tuple) else value
    members = {
        **given,
        "event_id": EVENT_PREFIX + ulid_text(milliseconds << 80 | _digest(seed) >> 48),
        "event_type": kind,
        "timestamp": timestamp(event.timestamp),
        "status": attributes.get(EVENT_STATUS) or _usual_status(kind),
        "details": details,
    }
    return _event(members)


def _usual_status(event_type: str) -> str:
    if event_type.endswith(".failed"):
        return "failed"
    return "success" if event_type == EXECUTION_COMPLETED else "in_progress"


def _event(members: dict[str, Any]) -> PatternEvent:
    try:
        return decode(encode_value(members))
    except (TypeError, ValueError) as error:
        if isinstance(error, LineError):
            raise
        raise LineError(f"a span event cannot be an event: {error}") from error


def span_from_events(events: Sequence[PatternEvent], resource: Resource | None = None) -> ReadableSpan:
    """Return a finished span that holds the events of one run; `events_from_span` gives them back.

    The span has the ids that the events name, else ids made from the run's. Raises ValueError without events.
    """
    run = fold_in_order(events)
    context = _context_of(events, run.pattern_run_id)
    attributes: dict[str, Any] = {
        PATTERN_ID: run.pattern_id,
        RUN_ID: run.pattern_run_id,
        JOB_ID: run.job_id,
        RUN_STATUS: run.status,
    }
    if run.step_id is not None:
        attributes[STEP_ID] = run.step_id
    if run.operation_kind != UNKNOWN_OPERATION:
        attributes[OPERATION_KIND] = run.operation_kind
    if run.pattern_version is not None:
        attributes[PATTERN_VERSION] = run.pattern_version
    status = Status(StatusCode.UNSET)
    if run.status == "failed":
        attributes[ERROR_TYPE] = str((run.error or {}).get("type", "error"))
        status = Status(StatusCode.ERROR, str((run.error or {}).get("message", "")))
    attributes[RUN_RESULT] = _result_of(events, run.status)
    attempt = next((event.details["attempt"] for event in events if "attempt" in event.details), None)
    if isinstance(attempt, int) and not isinstance(attempt, bool):
        attributes[RUN_ATTEMPT] = attempt
    name = f"{SPAN_RUN} {run.pattern_id}"
    given = _given_by_span(attributes, context, name)
    parent = parent_of(events)
    times = [_time_of(event) for event in events]
    return ReadableSpan(
        name=name,
        context=context,
        parent=SpanContext(context.trace_id, parent, True, context.trace_flags) if parent else None,
        resource=resource or Resource.get_empty(),
        attributes=attributes,
        events=[_span_event(event, time, given) for event, time in zip(events, times, strict=True)],
        kind=SpanKind.INTERNAL,
        status=status,
        start_time=min(times),
        end_time=max(times),
        instrumentation_scope=InstrumentationScope("patternspan"),
    )


def _result_of(events: Sequence[PatternEvent], status: str) -> str:
    """Return the result of a run, as its own span says it."""
    end = end_of(events)
    told = end.details.get("result") if end is not None else None
    if isinstance(told, str) and told in RESULTS:
        return told
    return {"failed": "failure", "skipped": "skip"}.get(status, "success")


def _context_of(events: Sequence[PatternEvent], run_id: str) -> SpanContext:
    for event in events:
        trace_id, span_id = _number(event.trace_id, 32), _number(event.span_id, 16)
        if trace_id and span_id:
            break
    else:
        digest = _digest(run_id.encode("utf-8", "surrogatepass"))
        trace_id, span_id = digest | 1, digest >> 64 | 1
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _number(text: object, digits: int) -> int:
    if not isinstance(text, str) or len(text) != digits:
        return 0
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _time_of(event: PatternEvent) -> int:
    return min(max(event.time_ns, 0), _MOST_TIME)


def _span_event(event: PatternEvent, time: int, given: Mapping[str, Any]) -> Event:
    own = {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "timestamp": timestamp(time),
        "status": event.status,
        **given,
    }
    attributes: dict[str, Any] = dict(details_to_attributes(event.event_id, event.status, event.details))
    attributes.update(members_beside(event, own))
    return Event(event.event_type, attributes, time)
