"""What a collector's answers over HTTP are worth: the exporter takes any status below 400 for an acceptance.

A redirect, which is not followed, and a page of HTML with status 200 have taken no span. They are made refusals here,
so that the spans stay owed. Of a partial success the rejected spans are counted and said, and not sent again.
"""

from __future__ import annotations

import os
from typing import Any, Final

from patternspan.record import guard

_PROVIDERS: Final = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER",
)
_REFUSED: Final = 400
"""The status that stands for an answer that is none: exporters do not try such a one again by themselves."""


class Rejected:
    """Spans that collectors have rejected while they took the others of the same batch."""

    spans = 0


rejected: Final = Rejected()


def checked_session() -> Any:
    """Return a `requests.Session` whose answers are checked; None where the user has named one of their own."""
    if any(os.environ.get(name) for name in _PROVIDERS):
        return None
    import requests

    session = requests.Session()
    session.hooks["response"].append(_check)
    return session


def _check(response: Any, *_: Any, **__: Any) -> Any:
    status, kind = response.status_code, response.headers.get("Content-Type", "")
    if 300 <= status < 400:
        _refuse(response, f"a redirect ({status}), which is not followed")
    elif 200 <= status < 300 and response.content:
        if "protobuf" in kind:
            _count_rejected(response.content)
        else:
            _refuse(response, f"{kind or 'something'} and not OTLP")
    return response


def _refuse(response: Any, what: str) -> None:
    response.status_code = _REFUSED
    response.reason = f"the endpoint answers with {what}"


def _count_rejected(content: bytes) -> None:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        partial = ExportTraceServiceResponse.FromString(content).partial_success
    except DecodeError:
        return
    if partial.rejected_spans > 0:
        rejected.spans += partial.rejected_spans
        guard.report("exporter", f"the collector rejected {partial.rejected_spans} spans: {partial.error_message}")
