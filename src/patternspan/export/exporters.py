"""Exporters by name, as `OTEL_TRACES_EXPORTER` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.trace.export import SpanExporter

from patternspan.export.answers import checked_session
from patternspan.export.target import GRPC, HTTP, setting, target


def exporter_class(name: str, signal: str = "TRACES") -> Any:
    """Return what makes exporters of this name, by its entry point. Raises LookupError where none is installed."""
    from importlib.metadata import entry_points

    if name == "otlp":
        protocol = setting("PROTOCOL", signal)[1].lower() or GRPC
        name = "otlp_proto_http" if protocol == HTTP else "otlp_proto_grpc"
    found = list(entry_points(group=f"opentelemetry_{signal.lower()}_exporter", name=name))
    if not found:
        raise LookupError(f"no installed package has an exporter of this name; see OTEL_{signal}_EXPORTER")
    return found[0].load()


def otlp_maker() -> Callable[[], SpanExporter]:
    """Return what makes OTLP exporters for the configured endpoint, whose successes are acceptances.

    The modules are imported here and now: at exit, where a short program first sends, they cannot be any more.
    """
    kind, is_http = exporter_class("otlp"), target().protocol == HTTP

    def make() -> SpanExporter:
        session = checked_session() if is_http else None
        exporter: SpanExporter = kind(session=session) if session is not None else kind()
        return exporter

    return make
