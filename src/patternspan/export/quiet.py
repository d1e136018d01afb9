"""What the SDK's exporters log of a collector that does not answer: no more than one line a minute, as of the log."""

from __future__ import annotations

import logging
from typing import Final

from patternspan.record.guard import is_too_soon

_LOGGERS: Final = (
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.grpc.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.sdk.metrics._internal.export",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.sdk.trace.export",
)


class _Seldom(logging.Filter):
    """Lets a warning pass where nothing was reported for a minute, and all that is no warning."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING or not is_too_soon()


_seldom: Final = _Seldom()


def quieten() -> None:
    """Keep the exporters from logging each try; doing it again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_seldom)
