"""The spans of an ended run, made again from its events: what an exporter lost is sent once more out of the log.

The run's own span has the ids, times, parent and events that it had. Its phases come again with ids that follow from
the run's, so that whoever makes them makes the same. What the log does not hold does not come again: the tool's own
span, the spans of jobs and steps, and those of other code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from patternspan.export.project import span_from_events
from patternspan.model.event import PatternEvent
from patternspan.model.vocabulary import (
    ERROR_TYPE,
    EXECUTION_STARTED,
    SELECTION_STARTED,
    SPAN_EXECUTION,
    SPAN_SELECTION,
    SPAN_TEMPLATE,
    SPAN_VALIDATION,
    TEMPLATE_EXPANDED,
    VALIDATION_STARTED,
)

_SCOPE: Final = InstrumentationScope("patternspan")
_BEGINS: Final = {
    SELECTION_STARTED: SPAN_SELECTION,
    VALIDATION_STARTED: SPAN_VALIDATION,
    EXECUTION_STARTED: SPAN_EXECUTION,
}
_PREFIXES: Final = {
    "pattern.selection.": SPAN_SELECTION,
    "pattern.validation.": SPAN_VALIDATION,
    "pattern.execution.": SPAN_EXECUTION,
}


def spans_of(
    events: Sequence[PatternEvent], resource: Resource, *, phases: bool = True, without: Collection[str] = ()
) -> list[ReadableSpan]:
    """Return the spans of one ended run, whose events are in order: its phases, then its own.

    `without` names phases that were accepted before, once for each time. Raises ValueError without events, LineError
    where one of them cannot be on a span.
    """
    run = span_from_events(events, resource)
    context = run.get_span_context()
    if not phases or context is None:
        return [run]
    accepted = list(without)
    return [*(span for span in _phases(events, context, resource) if not _takes(accepted, span.name)), run]


def _takes(accepted: list[str], name: str) -> bool:
    if name in accepted:
        accepted.remove(name)
        return True
    return False


def _phases(events: Sequence[PatternEvent], parent: SpanContext, resource: Resource) -> Iterator[ReadableSpan]:
    began: dict[str, PatternEvent] = {}
    previous = events[0]
    for number, event in enumerate(events):
        begins = _BEGINS.get(event.event_type)
        name = next((name for prefix, name in _PREFIXES.items() if event.event_type.startswith(prefix)), None)
        if begins is not None:
            began.setdefault(begins, event)
        elif event.event_type == TEMPLATE_EXPANDED:
            yield _phase(SPAN_TEMPLATE, previous, event, parent, resource, number)
        elif name in began:
            yield _phase(name, began.pop(name), event, parent, resource, number)
        previous = event


def _phase(
    name: str, start: PatternEvent, end: PatternEvent, parent: SpanContext, resource: Resource, number: int
) -> ReadableSpan:
    attributes: dict[str, Any] = {}
    status = Status(StatusCode.UNSET)
    if end.event_type.endswith(".failed"):
        attributes[ERROR_TYPE] = str(end.details.get("error_type") or "error")
        status = Status(StatusCode.ERROR)
    seed = f"{parent.trace_id:032x}{parent.span_id:016x}{name}{number}".encode()
    span_id = int.from_bytes(blake2b(seed, digest_size=8).digest(), "big") or 1
    context = SpanContext(parent.trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return ReadableSpan(
        name=name,
        context=context,
        parent=parent,
        resource=resource,
        attributes=attributes,
        kind=SpanKind.INTERNAL,
        status=status,
        start_time=start.time_ns,
        end_time=max(start.time_ns, end.time_ns),
        instrumentation_scope=_SCOPE,
    )
