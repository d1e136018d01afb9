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
from patternspan.export.project import events_from_span
from patternspan.export.sink import remember_written, was_written
from patternspan.export.writer import EventWriter
from patternspan.record import guard


class PatternJsonlExporter(SpanExporter):
    """Writes the pattern events of spans to the global log, the job's log and, for ended runs, the archive.

    `root` and the switches are those of `patternspan.configure`, from the environment and the file where not given.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        settings = config.load({"root": os.fspath(root) if root is not None else None})
        self._writer = EventWriter(settings, was_written)
        self._closed = False
        remember_written()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write what the spans hold. FAILURE says that something could not be written; it was logged once."""
        if self._closed:
            return SpanExportResult.FAILURE
        result = SpanExportResult.SUCCESS
        for span in spans:
            try:
                self._writer.write(events_from_span(span))
            except (OSError, LineError) as error:
                guard.fault("jsonl exporter", error)
                result = SpanExportResult.FAILURE
        return SpanExportResult.FAILURE if self._writer.is_failing else result

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing is held back
        """Say that everything is written: `export` returns when it is."""
        return True

    def shutdown(self) -> None:
        """Close the files."""
        self._closed = True
        self._writer.close()
