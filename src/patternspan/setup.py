"""The composition root: `configure()` hangs logs, archive and providers on the hub. It alone knows both sides."""

from __future__ import annotations

import atexit
import hashlib  # noqa: F401 - recording needs these two later, when descriptors may have run out
import os
import shlex  # noqa: F401
import sys
from collections.abc import Sequence
from typing import Any, Final

from opentelemetry import trace

from patternspan import config as configuration
from patternspan.config import Config
from patternspan.export.archive import RunArchive
from patternspan.export.durable import Durability
from patternspan.export.sink import JsonlSink, interval_sync, log_options
from patternspan.layout import events_dir
from patternspan.record.context import reset_process
from patternspan.record.guard import fault
from patternspan.record.hub import hub
from patternspan.record.process import process_member
from patternspan.record.redact import use_rules
from patternspan.record.redact_sinks import redact_attributes

_FLUSH_MILLISECONDS: Final = 5000
OWN_EXPORTER: Final = "patternspan_jsonl"
"""The name of our exporter in `OTEL_TRACES_EXPORTER`."""
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class _Installed:
    """What hangs on the hub from here, so that it can be replaced."""

    def __init__(self) -> None:
        self.config: Config | None = None
        self.sink: JsonlSink | None = None
        self.archive: RunArchive | None = None
        self.provider: Any = None
        self.processors: list[Any] = []
        self.at_exit = False
        self.metrics = False


_installed: Final = _Installed()


def configure(
    *,
    root: str | os.PathLike[str] | None = None,
    enabled: bool | None = None,
    jsonl: bool | None = None,
    job_log: bool | None = None,
    archive: bool | None = None,
    phase_spans: bool | None = None,
    trace_members: bool | None = None,
    job_id: str | None = None,
    step_id: str | None = None,
    max_value_chars: int | None = None,
    preview_chars: int | None = None,
    durability: Durability | None = None,
    sync_interval_ms: int | None = None,
    pending_bytes: int | None = None,
    file_mode: str | None = None,
    folder_mode: str | None = None,
    redact_names: Sequence[str] | None = None,
    redact_patterns: Sequence[str] | None = None,
    redact_keep: Sequence[str] | None = None,
    redact_defaults: bool | None = None,
    keep_whole: bool | None = None,
    max_line_bytes: int | None = None,
    rotate_bytes: int | None = None,
    rotate_hours: int | None = None,
    compress: str | None = None,
    keep_days: int | None = None,
    keep_bytes: int | None = None,
    flush_on_sigterm: bool | None = None,
    service_name: str | None = None,
) -> Config:
    """Set up recording for this process and return what is in force.

    Each argument wins over its `PATTERNSPAN_…` variable, that over the TOML file; `patternspan.config.Config` explains
    them. Where the application has a TracerProvider, that one is used and nothing is replaced; else one is made, which
    exports where `OTEL_TRACES_EXPORTER` or an OTLP endpoint says so, and nowhere otherwise. Calling it again replaces
    what the last call set up, except the provider.

    Raises ConfigError where an option is wrong, MissingExtraError where the compression it names is not installed.
    """
    given: dict[str, Any] = {
        "root": os.fspath(root) if isinstance(root, os.PathLike) else root,
        "enabled": enabled,
        "jsonl": jsonl,
        "job_log": job_log,
        "archive": archive,
        "phase_spans": phase_spans,
        "trace_members": trace_members,
        "job_id": job_id,
        "step_id": step_id,
        "max_value_chars": max_value_chars,
        "preview_chars": preview_chars,
        "durability": durability,
        "sync_interval_ms": sync_interval_ms,
        "pending_bytes": pending_bytes,
        "file_mode": file_mode,
        "folder_mode": folder_mode,
        "redact_names": redact_names,
        "redact_patterns": redact_patterns,
        "redact_keep": redact_keep,
        "redact_defaults": redact_defaults,
        "keep_whole": keep_whole,
        "max_line_bytes": max_line_bytes,
        "rotate_bytes": rotate_bytes,
        "rotate_hours": rotate_hours,
        "compress": compress,
        "keep_days": keep_days,
        "keep_bytes": keep_bytes,
        "flush_on_sigterm": flush_on_sigterm,
        "service_name": service_name,
    }
    settings = configuration.load(given)
    _apply(settings)
    hub.starter = None
    if settings.enabled:
        _make_provider(settings)
        use_sdk()
        _register_metrics()
    return settings


def in_force() -> Config:
    """Return the configuration of this process; where it has none yet, that which its first run would take."""
    return _installed.config or configuration.load()


def start() -> None:
    """Configure with defaults, as the first run does where nobody called `configure`.

    A provider is made only where the environment asks for an exporter: an application may still set its own.
    """
    settings = configuration.load()
    _apply(settings)
    if settings.enabled and wanted_exporters():
        _make_provider(settings)
    use_sdk()
    _register_metrics()


def _apply(settings: Config) -> None:
    use_rules(
        names=settings.redact_names,
        patterns=settings.redact_patterns,
        keep=settings.redact_keep,
        defaults=settings.redact_defaults,
    )
    shutdown_log()
    hub.enabled = settings.enabled
    hub.phase_spans = settings.phase_spans
    hub.trace_members = settings.trace_members
    hub.max_value_chars = settings.max_value_chars
    hub.preview_chars = settings.preview_chars
    hub.keep_whole = settings.keep_whole
    hub.max_line_bytes = settings.max_line_bytes
    hub.default_job_id = settings.job_id
    hub.default_step_id = settings.step_id or None
    hub.root = os.path.abspath(settings.root)
    reset_process()
    _installed.config = settings
    options = log_options(settings)
    hub.modes = options.modes
    interval_sync.seconds = settings.sync_interval_ms / 1000
    if settings.jsonl:
        _installed.sink = JsonlSink(events_dir(settings.root), job_logs=settings.job_log, options=options)
        hub.writers = (*hub.writers, _installed.sink)
    if settings.archive:
        _installed.archive = RunArchive(settings.root, options.modes)
        hub.end_listeners = (*hub.end_listeners, _installed.archive)


def shutdown_log() -> None:
    """Take the log and the archive off the hub and close their files."""
    if _installed.sink is not None:
        hub.writers = tuple(writer for writer in hub.writers if writer is not _installed.sink)
        _installed.sink.close()
        _installed.sink = None
    if _installed.archive is not None:
        hub.end_listeners = tuple(hear for hear in hub.end_listeners if hear is not _installed.archive)
        _installed.archive = None


def _register_metrics() -> None:
    """Make the metrics of the log, once, where the application or the SDK has loaded metrics at all."""
    if "opentelemetry.metrics" in sys.modules and not _installed.metrics:
        from patternspan.export import metrics

        _installed.metrics = True
        metrics.register()
        if "patternspan.export.outbox" in sys.modules:
            from patternspan.export import span_metrics

            span_metrics.register()


def use_sdk() -> None:
    """Let the hub add events in the SDK's quick way, where an SDK is loaded."""
    if "opentelemetry.sdk.trace" in sys.modules:
        from patternspan.export.spans import adder_for

        hub.adder_for = adder_for


def wanted_exporters() -> list[str]:
    """Return the exporters that `OTEL_TRACES_EXPORTER` names, else `otlp` where an endpoint is set."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    names = os.environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if names:
        return [name.strip() for name in names.split(",") if name.strip() not in {"", "none"}]
    return ["otlp"] if any(os.environ.get(name) for name in _ENDPOINTS) else []


def _make_provider(settings: Config) -> None:
    """Set the global TracerProvider, unless the application has one."""
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from patternspan.export.quiet import quieten

    resource = Resource.create({"service.name": settings.service_name} if settings.service_name else {})
    # A command line, a variable of the environment: detectors take what they find.
    resource = Resource(redact_attributes(resource.attributes), resource.schema_url)
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for name in wanted_exporters():
        try:
            processor = (
                _otlp(settings, resource) if name == "otlp" else BatchSpanProcessor(_load_exporter(name, settings))
            )
        except Exception as error:  # noqa: BLE001 - one exporter that cannot be made does not stop the others
            fault(f"exporter {name}", error)
        else:
            provider.add_span_processor(processor)
            _installed.processors.append(processor)
            quieten()
    trace.set_tracer_provider(provider)
    _installed.provider = provider
    if not _installed.at_exit:
        _installed.at_exit = True
        atexit.register(_shutdown)
        if settings.flush_on_sigterm:
            from patternspan.export.sigterm import flush_before_death

            flush_before_death(_shutdown)


def _otlp(settings: Config, resource: Any) -> Any:
    """Return the processor that sends by OTLP, with the log as its outbox where there is a log."""
    from patternspan.delivery import deliver_others, own_debts
    from patternspan.export.exporters import otlp_maker
    from patternspan.export.ledger import Ledger
    from patternspan.export.outbox import OutboxSpanProcessor
    from patternspan.export.target import target

    make = otlp_maker()
    if not settings.jsonl or not settings.trace_members:
        return OutboxSpanProcessor(make)
    root, endpoint = hub.root, target().key
    ledger = Ledger(root, endpoint, resource.attributes, hub.modes)
    return OutboxSpanProcessor(make, ledger, own_debts(root), deliver_others(root, endpoint), process_member)


def _load_exporter(name: str, settings: Config) -> Any:
    """Return a new exporter by its entry point, as the SDK's own set-up does."""
    from patternspan.export.exporters import exporter_class

    kind = exporter_class(name)
    # An argument may have named the root.
    return kind(settings.root) if name == OWN_EXPORTER else kind()


def _shutdown() -> None:
    """Send what is queued, within a bounded time, when the interpreter exits."""
    provider = _installed.provider
    try:
        for processor in _installed.processors:
            # The SDK's own heeds no timeout, and its `shutdown` waits for half a minute where no collector answers.
            batches = getattr(processor, "_batch_processor", None)
            if batches is not None:
                batches.shutdown(_FLUSH_MILLISECONDS)
            else:
                processor.shutdown()
        if provider is not None:
            provider.shutdown()
    except Exception as error:  # noqa: BLE001
        fault("exporter", error)
