"""An application that has a TracerProvider of its own: runs join it, and nothing of it is replaced."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from patternspan import configure, pattern_span


@pattern_span("PAT-HELLO-001", operation_kind="greeting")
def hello() -> dict[str, str]:
    return {"said": "hello"}


def brief(span) -> str:
    events = ", ".join(event.name for event in span.events)
    return f"{span.name} [{events}]\n"


if __name__ == "__main__":
    provider = TracerProvider(resource=Resource.create({"service.name": "the application"}))
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=brief)))
    trace.set_tracer_provider(provider)

    configure()  # finds the provider; sets up the log alone
    with trace.get_tracer("application").start_as_current_span("request"):
        hello()
    provider.shutdown()
