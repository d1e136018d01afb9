"""The providers of a process whose application has none: what they export to, and how they end."""

from __future__ import annotations

import atexit
import os
import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace

from patternspan.config import Config
from patternspan.export.log_options import log_options
from patternspan.record.guard import fault, report
from patternspan.record.process import process_member
from patternspan.record.redact_sinks import redact_attributes

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_FLUSH_MILLISECONDS: Final = 5000
CONFIG_FILE: Final = "OTEL_CONFIG_FILE"
_NONE_YET: Final = frozenset({"ProxyTracerProvider", "_ProxyMeterProvider", "ProxyLoggerProvider"})
OWN_EXPORTER: Final = "patternspan_jsonl"
"""The name of our exporter in `OTEL_TRACES_EXPORTER`."""


class _Providers:
    """What was made here. One per process (`providers` below)."""

    def __init__(self) -> None:
        self.tracer_provider: Any = None
        self.declared: tuple[Any, ...] = ()
        """Those that a file made, once that was tried: see `declared`."""
        self.was_declared = False
        self.processors: list[Any] = []
        self.metric_export: Any = None
        self.at_exit = False


providers: Final = _Providers()


def wanted_exporters(signal: str = "TRACES") -> list[str]:
    """Return the exporters that `OTEL_<signal>_EXPORTER` names, else `otlp` where an endpoint is set."""
    if config_file() or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    names = os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip()
    if names:
        return [name.strip() for name in names.split(",") if name.strip() not in {"", "none"}]
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return ["otlp"] if any(os.environ.get(name) for name in endpoints) else []


def config_file() -> str:
    """Return the path in `OTEL_CONFIG_FILE`; that file says all that OpenTelemetry's other variables would."""
    return os.environ.get(CONFIG_FILE, "").strip()


def declare_providers(settings: Config) -> None:
    """Have the SDK set up what the file of `OTEL_CONFIG_FILE` declares, unless the application has a provider.

    `opentelemetry-instrument` does the same before; then it is done. What is wrong with the file is reported.
    """
    if providers.was_declared:
        return
    providers.was_declared = True
    if any(type(provider).__name__ not in _NONE_YET for provider in _global_providers()):
        return
    try:
        from opentelemetry.configuration import configure_sdk, load_config_file
    except ImportError:
        problem = f"{CONFIG_FILE}: what reads it is not there; pip install 'opentelemetry-sdk[file-configuration]'"
        report("configuration", problem, always=True)
        return
    try:
        configure_sdk(load_config_file(config_file()))
    except Exception as error:  # noqa: BLE001 - of a package that is still being developed
        report("configuration", f"{CONFIG_FILE}={config_file()}: {error}", always=True)
        return
    providers.declared = tuple(one for one in _global_providers() if type(one).__name__ not in _NONE_YET)
    _at_exit(settings)


def _global_providers() -> tuple[Any, ...]:
    from opentelemetry import _logs, metrics

    return trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()


def make_tracer_provider(settings: Config) -> None:
    """Set the global TracerProvider, unless the application has one."""
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    if config_file():
        declare_providers(settings)
        return
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from patternspan.export.quiet import quieten

    resource = _resource(settings)
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for name in wanted_exporters():
        try:
            if name == "otlp":
                processor = outbox_processor(settings)
            else:
                processor = BatchSpanProcessor(_load_exporter(name, "TRACES", settings))
        except Exception as error:  # noqa: BLE001 - one exporter that cannot be made does not stop the others
            fault(f"exporter {name}", error)
        else:
            provider.add_span_processor(processor)
            providers.processors.append(processor)
            quieten()
    trace.set_tracer_provider(provider)
    providers.tracer_provider = provider
    _at_exit(settings)


def make_meter_provider(settings: Config) -> None:
    """Set the global MeterProvider, unless the application has one."""
    from patternspan.export.metrics import has_provider

    if has_provider():
        return
    from patternspan.export.metric_export import MetricExport, named, readers_for
    from patternspan.export.quiet import quieten

    def make_readers() -> list[Any]:
        return readers_for(_load_exporters("METRICS", settings))

    quieten()
    providers.metric_export = MetricExport(named(_resource(settings)), make_readers, settings.metric_pattern_ids)
    _at_exit(settings)


def make_logger_provider(settings: Config) -> None:
    """Set the global LoggerProvider, unless the application has one."""
    from opentelemetry import _logs

    if type(_logs.get_logger_provider()).__name__ not in {"ProxyLoggerProvider", "NoOpLoggerProvider"}:
        return
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    from patternspan.export.quiet import quieten

    provider = LoggerProvider(_resource(settings), shutdown_on_exit=False)
    quieten()
    for exporter in _load_exporters("LOGS", settings):
        processor = BatchLogRecordProcessor(exporter)
        provider.add_log_record_processor(processor)
        providers.processors.append(processor)
    _logs.set_logger_provider(provider)
    _at_exit(settings)


def _resource(settings: Config) -> Any:
    from opentelemetry.sdk.resources import Resource

    resource = Resource.create({"service.name": settings.service_name} if settings.service_name else {})
    # A command line, a variable of the environment: detectors take what they find.
    return Resource(redact_attributes(resource.attributes), resource.schema_url)


def _at_exit(settings: Config) -> None:
    if not providers.at_exit:
        providers.at_exit = True
        atexit.register(_shutdown)
        if settings.flush_on_sigterm:
            from patternspan.export.sigterm import flush_before_death

            flush_before_death(_shutdown)


def outbox_processor(settings: Config) -> SpanProcessor:
    """Return the processor that sends by OTLP, with the log as its outbox where there is a log."""
    from patternspan.delivery import deliver_others, own_debts
    from patternspan.export.exporters import otlp_maker
    from patternspan.export.ledger import Ledger
    from patternspan.export.outbox import OutboxSpanProcessor
    from patternspan.export.target import target

    make = otlp_maker()
    if not settings.jsonl or not settings.trace_members:
        return OutboxSpanProcessor(make)
    root, endpoint = os.path.abspath(settings.root), target().key
    ledger = Ledger(root, endpoint, modes=log_options(settings).modes)
    return OutboxSpanProcessor(make, ledger, own_debts(root), deliver_others(root, endpoint), process_member)


def _load_exporters(signal: str, settings: Config) -> list[Any]:
    """Return new exporters of those that are wanted; one that cannot be made does not stop the others."""
    found = []
    for name in wanted_exporters(signal):
        try:
            found.append(_load_exporter(name, signal, settings))
        except Exception as error:  # noqa: BLE001
            fault(f"exporter {name}", error)
    return found


def _load_exporter(name: str, signal: str, settings: Config) -> Any:
    """Return a new exporter by its entry point, as the SDK's own set-up does."""
    from patternspan.export.exporters import exporter_class

    kind = exporter_class(name, signal)
    # An argument may have named the root.
    return kind(settings.root) if name == OWN_EXPORTER else kind()


def _shutdown() -> None:
    """Send what is queued, within a bounded time, when the interpreter exits."""
    provider, metric_export = providers.tracer_provider, providers.metric_export
    deadline = time.monotonic() + _FLUSH_MILLISECONDS / 1000
    if metric_export is not None:
        metric_export.stop()
    try:
        for processor in providers.processors:
            # The SDK's own heeds no timeout, and its `shutdown` waits for half a minute where no collector answers.
            batches = getattr(processor, "_batch_processor", None)
            if batches is not None:
                batches.shutdown(max(500, int(1000 * (deadline - time.monotonic()))))
            else:
                processor.shutdown()
        if provider is not None:
            provider.shutdown()
        for provider in providers.declared:
            provider.shutdown()
    except Exception as error:  # noqa: BLE001
        fault("exporter", error)
    finally:
        if metric_export is not None:
            metric_export.wait(max(0.5, deadline - time.monotonic()))
