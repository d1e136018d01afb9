"""OTLP JSON as the collector's file exporter writes it, made by protobuf's own library."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from patternspan import PatternEvent
from patternspan.export.project import span_from_events

IDS = {"traceId", "spanId", "parentSpanId"}


def otlp_line(spans: Sequence[Any]) -> bytes:
    """Return one request in JSON, its ids in hexadecimal, with the newline."""
    return json.dumps(_hexed(MessageToDict(encode_spans(spans)))).encode() + b"\n"


def request_of(runs: Iterable[list[PatternEvent]]) -> bytes:
    """Return one request that holds these runs."""
    return otlp_line([span_from_events(events) for events in runs])


def _hexed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: base64.b64decode(item).hex() if name in IDS else _hexed(item) for name, item in value.items()}
    return [_hexed(item) for item in value] if isinstance(value, list) else value
