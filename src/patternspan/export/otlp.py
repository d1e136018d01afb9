"""OTLP protobuf -> events: what a receiver of the run's spans reads back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import SpanContext, TraceFlags

from patternspan.export.project import events_from_span
from patternspan.model.event import PatternEvent


def events_from_otlp(request: Any) -> list[PatternEvent]:
    """Return the pattern events in an `ExportTraceServiceRequest` or `TracesData`, in its order."""
    return [event for span in _spans(request) for event in events_from_span(_from_protobuf(span))]


def _spans(request: Any) -> Iterator[Span]:
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            yield from scope_spans.spans


class OtlpEvent(NamedTuple):
    """An event of a span, with the face of the SDK's."""

    name: str
    timestamp: int
    attributes: dict[str, Any]


class OtlpSpan:
    """A span with the face of a `ReadableSpan`, as far as reading events needs it."""

    def __init__(
        self,
        name: str,
        attributes: dict[str, Any],
        events: list[OtlpEvent],
        trace_id: int,
        span_id: int,
        flags: int,
    ) -> None:
        self.name = name
        self.attributes = attributes
        self.events = events
        self._context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))

    def get_span_context(self) -> SpanContext:
        """Return the ids."""
        return self._context


def _from_protobuf(span: Span) -> OtlpSpan:
    return OtlpSpan(
        span.name,
        _attributes(span.attributes),
        [OtlpEvent(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events],
        int.from_bytes(span.trace_id, "big"),
        int.from_bytes(span.span_id, "big"),
        span.flags & 0xFF,
    )


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
