"""The composition root: `configure()` hangs logs, archive and providers on the hub. It alone knows both sides."""

from __future__ import annotations

import hashlib  # noqa: F401 - recording needs these two later, when descriptors may have run out
import os
import shlex  # noqa: F401
import sys
from collections.abc import Sequence
from typing import Any, Final

from patternspan import config as configuration
from patternspan.config import Config
from patternspan.export.archive import RunArchive
from patternspan.export.durable import Durability
from patternspan.export.keeper import hooks
from patternspan.export.line_log import interval_sync
from patternspan.export.log_options import log_options
from patternspan.export.sink import JsonlSink
from patternspan.layout import events_dir, global_log
from patternspan.providers import (
    config_file,
    make_logger_provider,
    make_meter_provider,
    make_tracer_provider,
    providers,
    wanted_exporters,
)
from patternspan.record.context import reset_process
from patternspan.record.guard import report
from patternspan.record.hub import add_event, hub
from patternspan.record.meter import meter
from patternspan.record.redact import use_rules

_SEAL_PAUSE: Final = 0.002
"""Seconds for other threads after each half megabyte that is sealed."""


class _Installed:
    """What hangs on the hub from here, so that it can be replaced."""

    def __init__(self) -> None:
        self.config: Config | None = None
        self.declared: dict[str, Any] = {}
        """Options from a file that declares the SDK; arguments of `configure` win over them."""
        self.sink: JsonlSink | None = None
        self.archive: RunArchive | None = None
        self.metrics: Any = None


_installed: Final = _Installed()


def configure(
    *,
    root: str | os.PathLike[str] | None = None,
    enabled: bool | None = None,
    jsonl: bool | None = None,
    job_log: bool | None = None,
    archive: bool | None = None,
    phase_spans: bool | None = None,
    events: str | None = None,
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
    seal: bool | None = None,
    keep_days: int | None = None,
    keep_bytes: int | None = None,
    flush_on_sigterm: bool | None = None,
    metrics: bool | None = None,
    metric_pattern_ids: int | None = None,
    service_name: str | None = None,
) -> Config:
    """Set up recording for this process and return what is in force.

    Each argument wins over its `PATTERNSPAN_…` variable, that over the TOML file; `patternspan.config.Config` explains
    them. Where the application has a TracerProvider, that one is used and nothing is replaced; else one is made, which
    exports where `OTEL_TRACES_EXPORTER` or an OTLP endpoint says so, and nowhere otherwise. So it is with the
    MeterProvider and `OTEL_METRICS_EXPORTER`, and where log events are asked for with the LoggerProvider and
    `OTEL_LOGS_EXPORTER`, but that none is made which would export nowhere. Calling it again
    replaces what the last call set up, except the providers.

    Raises ConfigError where an option is wrong, MissingExtraError where the compression it names is not installed.
    """
    given: dict[str, Any] = {
        "root": os.fspath(root) if isinstance(root, os.PathLike) else root,
        "enabled": enabled,
        "jsonl": jsonl,
        "job_log": job_log,
        "archive": archive,
        "phase_spans": phase_spans,
        "events": events,
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
        "seal": seal,
        "keep_days": keep_days,
        "keep_bytes": keep_bytes,
        "flush_on_sigterm": flush_on_sigterm,
        "metrics": metrics,
        "metric_pattern_ids": metric_pattern_ids,
        "service_name": service_name,
    }
    given = {name: value for name, value in given.items() if value is not None}
    settings = configuration.load({**_installed.declared, **given})
    _apply(settings)
    hub.starter = None
    if settings.enabled:
        make_tracer_provider(settings)
        if _installed.config is not settings:  # a file that declares the SDK has options of ours, too
            settings = configuration.load({**_installed.declared, **given})
            _apply(settings)
        use_sdk()
        _use_log_events(settings)
        _use_metrics(settings)
    return settings


def declare(options: dict[str, Any]) -> None:
    """Configure with options that stand in a file. Raises ConfigError where one is wrong; then none is taken."""
    configuration.load(options)
    _installed.declared = options or _installed.declared  # `opentelemetry-instrument` comes again without any
    configure()


def in_force() -> Config:
    """Return the configuration of this process; where it has none yet, that which its first run would take."""
    return _installed.config or configuration.load()


def start() -> None:
    """Configure with defaults, as the first run does where nobody called `configure`.

    A provider is made only where the environment asks for an exporter: an application may still set its own.
    """
    settings = configuration.load()
    _apply(settings)
    if settings.enabled and (wanted_exporters() or config_file()):
        make_tracer_provider(settings)
    use_sdk()
    _use_log_events(settings)
    _use_metrics(settings)


def _apply(settings: Config) -> None:
    use_rules(
        names=settings.redact_names,
        patterns=settings.redact_patterns,
        keep=settings.redact_keep,
        defaults=settings.redact_defaults,
    )
    shutdown_log()
    hub.enabled = settings.enabled
    hub.meter = meter if settings.metrics else None
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
    hooks.when_closed = _seal if settings.seal else None
    if settings.jsonl:
        _installed.sink = JsonlSink(events_dir(settings.root), job_logs=settings.job_log, options=options)
        hub.writers = (*hub.writers, _installed.sink)
    if settings.archive:
        _installed.archive = RunArchive(settings.root, options.modes)
        hub.end_listeners = (*hub.end_listeners, _installed.archive)


def _seal(log: str) -> None:
    """Seal what is closed of the log of all events, at leisure."""
    if os.path.abspath(log) == global_log(hub.root):
        from patternspan.evidence.seal import seal

        for problem in seal(os.path.dirname(log), pause=_SEAL_PAUSE).problems:
            report("sealing", problem)


def shutdown_log() -> None:
    """Take the log and the archive off the hub and close their files."""
    if _installed.sink is not None:
        hub.writers = tuple(writer for writer in hub.writers if writer is not _installed.sink)
        _installed.sink.close()
        _installed.sink = None
    if _installed.archive is not None:
        hub.end_listeners = tuple(hear for hear in hub.end_listeners if hear is not _installed.archive)
        _installed.archive = None


def _use_log_events(settings: Config) -> None:
    """Let the hub make log events, where they are asked for; nothing of the Logs API is loaded elsewhere."""
    hub.log_event = None
    if settings.events == "span" or not settings.enabled:
        return
    if wanted_exporters("LOGS"):
        make_logger_provider(settings)
    from patternspan.export.log_events import LogEvents, leave_out

    hub.log_event = LogEvents()
    if settings.events == "logs":
        hub.adder_for = lambda _span: leave_out


def _use_metrics(settings: Config) -> None:
    """Make the instruments, once, in the MeterProvider that the application has or that an exporter is wanted of."""
    if not (settings.metrics and settings.enabled):
        return
    if _installed.metrics is None and providers.metric_export is None and wanted_exporters("METRICS"):
        make_meter_provider(settings)
    meter.prepare = _begin_metrics
    _begin_metrics()


def _begin_metrics() -> bool:
    """Begin to measure in this process; False where the application has not loaded metrics so far."""
    if providers.metric_export is not None:
        providers.metric_export.start()
        return True
    if "opentelemetry.metrics" not in sys.modules:
        return False
    if _installed.metrics is None:
        from patternspan.export.metrics import register

        _installed.metrics = register(in_force().metric_pattern_ids)
    _installed.metrics.use_cap(in_force().metric_pattern_ids)
    return True


def use_sdk() -> None:
    """Let the hub add events in the SDK's quick way, where an SDK is loaded."""
    hub.adder_for = lambda _span: add_event
    if "opentelemetry.sdk.trace" in sys.modules:
        from patternspan.export.spans import adder_for

        hub.adder_for = adder_for
