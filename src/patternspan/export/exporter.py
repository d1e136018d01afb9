"""PatternJsonlExporter: the pattern events of finished spans, as lines of the log.

Registered as `patternspan_jsonl`, so that `OTEL_TRACES_EXPORTER=otlp,patternspan_jsonl` turns it on without code. It is
for spans that other code makes: what this process has recorded through `pattern_span` stands in the log already, live,
and is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from patternspan import config
from patternspan.errors import LineError
from patternspan.export.archive import RunArchive
from patternspan.export.log_options import log_options
from patternspan.export.project import events_from_span
from patternspan.export.sink import JsonlSink, remember_written, was_written
from patternspan.layout import events_dir
from patternspan.model.event import PatternEvent
from patternspan.model.fold import in_order, is_terminal
from patternspan.model.wire import encode
from patternspan.record import guard
from patternspan.record.redact_sinks import redact_event


class PatternJsonlExporter(SpanExporter):
    """Writes the pattern events of spans to the global log, the job's log and, for ended runs, the archive.

    `root` and the switches are those of `patternspan.configure`, from the environment and the file where not given.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        settings = config.load({"root": os.fspath(root) if root is not None else None})
        options = log_options(settings)
        self._sink = JsonlSink(events_dir(settings.root), job_logs=settings.job_log, options=options)
        self._archive = RunArchive(settings.root, options.modes) if settings.archive else None
        self._closed = False
        remember_written()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write what the spans hold. FAILURE says that something could not be written; it was logged once."""
        if self._closed:
            return SpanExportResult.FAILURE
        result = SpanExportResult.SUCCESS
        for span in spans:
            try:
                self._write(events_from_span(span))
            except (OSError, LineError) as error:
                guard.fault("jsonl exporter", error)
                result = SpanExportResult.FAILURE
        return SpanExportResult.FAILURE if self._sink.log.is_failing else result

    def _write(self, events: list[PatternEvent]) -> None:
        events = [redact_event(event) for event in events]
        fresh = [event for event in events if not was_written(event.event_id)]
        for event in fresh:
            self._sink(encode(event) + b"\n", event.job_id, event.event_id)
        if fresh and self._archive is not None and any(map(is_terminal, events)):
            self._archive(in_order(events))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing is held back
        """Say that everything is written: `export` returns when it is."""
        return True

    def shutdown(self) -> None:
        """Close the files."""
        self._closed = True
        self._sink.close()
