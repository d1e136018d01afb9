"""Events that other code recorded, into this log: redacted, and those alone that are not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from patternspan.config import Config
from patternspan.export.archive import RunArchive
from patternspan.export.log_options import log_options
from patternspan.export.sink import JsonlSink
from patternspan.layout import events_dir
from patternspan.model.event import PatternEvent
from patternspan.model.fold import in_order, is_terminal
from patternspan.model.wire import encode
from patternspan.record.redact_sinks import redact_event


class EventWriter:
    """Writes a span's events where they would stand if they had been recorded here: log, job's log and archive.

    `is_known` says of an event id whether that event is written already.
    """

    def __init__(self, settings: Config, is_known: Callable[[str], bool]) -> None:
        options = log_options(settings)
        self._sink = JsonlSink(events_dir(settings.root), job_logs=settings.job_log, options=options)
        self._archive = RunArchive(settings.root, options.modes) if settings.archive else None
        self._is_known = is_known

    def write(self, events: Iterable[PatternEvent], run: Iterable[PatternEvent] | None = None) -> list[PatternEvent]:
        """Write events of one run, redacted, and return those that were not known.

        A run that ends among them is archived: with `run`, where these are not all. Raises OSError where that fails;
        the log says by `is_failing`.
        """
        clean = [redact_event(event) for event in events]
        fresh = [event for event in clean if not self._is_known(event.event_id)]
        for event in fresh:
            self._sink(encode(event) + b"\n", event.job_id, event.event_id)
        if fresh and self._archive is not None and any(map(is_terminal, clean)):
            self._archive(in_order(clean if run is None else [redact_event(event) for event in run]))
        return fresh

    @property
    def is_failing(self) -> bool:
        """Whether the log cannot be written at present."""
        return self._sink.log.is_failing

    def close(self) -> None:
        """Close the files."""
        self._sink.close()
