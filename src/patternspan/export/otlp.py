"""OTLP protobuf -> events: what a receiver of the run's spans reads back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.trace import SpanContext, TraceFlags

from patternspan.export.project import events_from_span
from patternspan.model.event import PatternEvent


def events_from_otlp(request: Any) -> list[PatternEvent]:
    """Return the pattern events in an `ExportTraceServiceRequest` or `TracesData`, in its order."""
    return [event for span in _spans(request) for event in events_from_span(_Span(span))]


def _spans(request: Any) -> Iterator[OtlpSpan]:
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            yield from scope_spans.spans


class _Span:
    """An OTLP span with the face of a `ReadableSpan`, as far as reading events needs it."""

    def __init__(self, span: OtlpSpan) -> None:
        self.name = span.name
        self.attributes = _attributes(span.attributes)
        self.events = [_Event(event) for event in span.events]
        self._context = SpanContext(
            int.from_bytes(span.trace_id, "big"),
            int.from_bytes(span.span_id, "big"),
            is_remote=True,
            trace_flags=TraceFlags(span.flags & 0xFF),
        )

    def get_span_context(self) -> SpanContext:
        return self._context


class _Event:
    def __init__(self, event: OtlpSpan.Event) -> None:
        self.name = event.name
        self.timestamp = event.time_unix_nano
        self.attributes = _attributes(event.attributes)


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind)
