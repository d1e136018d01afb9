"""Spans of another program, sent as OTLP JSON."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stack_run import Stack


def sent(stack: Stack, trace_id: str, *spans: dict[str, Any]) -> None:
    """Send spans by OTLP/HTTP as JSON, and be sure that the gateway has taken them."""
    now = time.time_ns()
    common = {"traceId": trace_id, "kind": 1, "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1)}
    listed = [{**common, "spanId": f"{number:016x}", **span} for number, span in enumerate(spans, start=1)]
    resource = {"attributes": attributes({"service.name": "other"})}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": listed}]}]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.ports['OTLP_HTTP_PORT']}/v1/traces", json.dumps(body).encode(),
        {"content-type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer) == {"partialSuccess": {}}


def attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    """Return attributes in the form of OTLP JSON."""
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def trace_id() -> str:
    """Return the id of a new trace."""
    return os.urandom(16).hex()
