"""Spans of an application's own TracerProvider, with the log as their outbox."""

from __future__ import annotations

import os

from opentelemetry.sdk.trace import SpanProcessor

from patternspan import config as configuration
from patternspan.export.quiet import quieten
from patternspan.providers import outbox_processor


def otlp_span_processor(root: str | os.PathLike[str] | None = None) -> SpanProcessor:
    """Return a processor that sends spans by OTLP, and from the log again what a collector has not accepted.

        provider.add_span_processor(otlp_span_processor())

    It stands where `BatchSpanProcessor(OTLPSpanExporter())` would, in an application that makes its TracerProvider
    itself; `configure()` adds it to one that it makes. It reads the same `OTEL_EXPORTER_OTLP_…` and `OTEL_BSP_…`
    variables. `root` is what `configure()` is given, where it is.

    Raises ConfigError where an option of the configuration is wrong.
    """
    quieten()
    return outbox_processor(configuration.load({"root": os.fspath(root)} if root is not None else {}))
