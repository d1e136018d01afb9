"""OTLP JSON <-> events: lines as the collector's file exporter writes them.

The encoding is that of protobuf in JSON, but for ids, which are hexadecimal; 64-bit numbers are texts or numbers, and
members that are not known are passed over (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from patternspan.errors import LineError
from patternspan.export.otlp import OtlpEvent, OtlpSpan
from patternspan.export.project import events_from_span
from patternspan.model.event import PatternEvent
from patternspan.model.vocabulary import EVENT_TYPES
from patternspan.model.wire import decode

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_IDS: Final = {"traceId", "spanId", "parentSpanId"}
"""Members that are bytes in protobuf, and hexadecimal digits in OTLP JSON."""


def events_from_otlp_json(request: Mapping[str, Any]) -> Iterator[list[PatternEvent]]:
    """Yield the pattern events of each span in a request; an empty list for a span without any.

    Raises LineError where a span is none of OTLP, or an event on it is broken.
    """
    for span in _members(request, "resourceSpans", "scopeSpans", "spans"):
        with _said():
            events = events_from_span(_span(span))
        yield events


def events_from_otlp_logs(request: Mapping[str, Any]) -> Iterator[PatternEvent | None]:
    """Yield the pattern event of each log record in a request, None for a record that is none.

    A log event of this package, and a line that a collector read from the log, has the line as its body. Raises
    LineError where a record cannot be read.
    """
    for record in _members(request, "resourceLogs", "scopeLogs", "logRecords"):
        with _said():
            name, body = record.get("eventName"), (record.get("body") or {}).get("stringValue")
        if name in EVENT_TYPES and isinstance(body, str) and body.startswith("{"):
            yield decode(body.encode())
        else:
            yield None


def request_in(line: bytes) -> dict[str, Any]:
    """Return the request in a line. Raises LineError where it is no JSON object."""
    try:
        request = msgspec.json.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise LineError(f"not JSON: {error}") from None
    if not isinstance(request, dict):
        raise LineError(f"no OTLP: an object is wanted, found {type(request).__name__}")
    return request


def _members(request: Mapping[str, Any], of_resource: str, of_scope: str, name: str) -> Iterator[Mapping[str, Any]]:
    with _said():
        for resource in request.get(of_resource) or ():
            for scope in resource.get(of_scope) or ():
                yield from scope.get(name) or ()


@contextmanager
def _said() -> Iterator[None]:
    """Say of members that are not what OTLP has that they are not."""
    try:
        yield
    except LineError:
        raise
    except (AttributeError, TypeError, ValueError, KeyError, RecursionError, OverflowError) as error:
        raise LineError(f"no OTLP: {type(error).__name__}: {error}") from None


def _span(span: Mapping[str, Any]) -> OtlpSpan:
    return OtlpSpan(
        span.get("name", ""),
        _attributes(span.get("attributes")),
        [
            OtlpEvent(event.get("name", ""), int(event.get("timeUnixNano", 0)), _attributes(event.get("attributes")))
            for event in span.get("events") or ()
        ],
        int(span.get("traceId") or "0", 16),
        int(span.get("spanId") or "0", 16),
        int(span.get("flags") or 0) & 0xFF,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair["key"]: _value(pair.get("value") or {}) for pair in pairs or ()}


def _value(value: Mapping[str, Any]) -> Any:
    for kind, content in value.items():
        if kind in {"stringValue", "boolValue"}:
            return content
        if kind == "intValue":
            return int(content)
        if kind == "doubleValue":
            return float(content)
        if kind == "arrayValue":
            return [_value(item) for item in content.get("values") or ()]
        if kind == "kvlistValue":
            return _attributes(content.get("values"))
        if kind == "bytesValue":
            from base64 import b64decode

            return b64decode(content)
    return None


def request_of(spans: Sequence[ReadableSpan]) -> bytes:
    """Return a request that sends these spans, as a line of OTLP JSON with its newline."""
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    request = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for one in (span, *span.get("links", ())):
                    for name in _IDS & one.keys():
                        one[name] = b64decode(one[name]).hex()
    return msgspec.json.encode(request) + b"\n"
