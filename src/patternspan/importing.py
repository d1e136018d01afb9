"""import_events(): OTLP JSON, as the collector's file exporter writes it, back into the log."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from patternspan.config import load
from patternspan.errors import LineError
from patternspan.export.archive import RunArchive
from patternspan.export.log_options import log_options
from patternspan.export.otlp_json import events_from_otlp_json
from patternspan.export.sink import JsonlSink
from patternspan.layout import events_dir
from patternspan.log.reader import BadLine, before_damage, unpacked
from patternspan.log.scan import scan
from patternspan.log.segments import opened
from patternspan.model.event import PatternEvent
from patternspan.model.fold import in_order, is_terminal
from patternspan.model.packing import Unpacked
from patternspan.model.wire import encode
from patternspan.reading import read_events
from patternspan.record.redact_sinks import redact_event

MOST_BYTES: Final = 1 << 29
"""Longest line: a request holds many spans."""

OnProblem = Callable[[BadLine], object]


class Imported(msgspec.Struct):
    """What became of what was read."""

    requests: int = 0
    """Lines that are requests."""
    imported: int = 0
    """Events that the log had not."""
    present: int = 0
    """Events that stood in the log already."""
    foreign: int = 0
    """Spans without a pattern event."""
    bad: int = 0
    """Lines that could not be read, and files."""


def import_events(
    paths: Iterable[str | os.PathLike[str]],
    root: str | os.PathLike[str] | None = None,
    *,
    on_problem: OnProblem | None = None,
    on_progress: Callable[[Imported], object] | None = None,
) -> Imported:
    """Write the pattern events of OTLP JSON files (plain, gz, zst; `-` is standard input) into the log of `root`.

    What stands there already is skipped, by event id, so that a file may be imported again, and one that was broken off
    too. Events go into the job's log and runs that have ended into the archive as when they are recorded; redaction is
    applied. A line that cannot be read is told to `on_problem` and counted. The ids of the log's events are held in
    memory: some 100 bytes each.

    Raises ConfigError where an option is wrong, OSError where the log cannot be written.
    """
    settings = load({"root": None if root is None else os.fspath(root)})
    options = log_options(settings)
    known = {_key(event.event_id) for event in read_events(settings.root)}
    done = Imported()
    tell = on_problem or (lambda _: None)
    sink = JsonlSink(events_dir(settings.root), job_logs=settings.job_log, options=options)
    archive = RunArchive(settings.root, options.modes) if settings.archive else None
    try:
        for path in paths:
            for events in _spans_of(os.fspath(path), done, tell):
                _take(events, known, sink, archive, done)
                if on_progress is not None:
                    on_progress(done)
            if sink.log.is_failing:
                raise OSError(f"{settings.root}: the log cannot be written")
    finally:
        sink.close()
    return done


def _take(
    events: list[PatternEvent], known: set[int | str], sink: JsonlSink, archive: RunArchive | None, done: Imported
) -> None:
    if not events:
        done.foreign += 1
        return
    events = [redact_event(event) for event in events]
    fresh = [event for event in events if _key(event.event_id) not in known]
    for event in fresh:
        known.add(_key(event.event_id))
        sink(encode(event) + b"\n", event.job_id, event.event_id)
    done.imported += len(fresh)
    done.present += len(events) - len(fresh)
    if fresh and archive is not None and any(map(is_terminal, events)):
        archive(in_order(events))


def _key(event_id: str) -> int | str:
    """Return an id in fewer bytes, where it has the usual form."""
    text = event_id[4:]
    if len(text) == 26 and text.isascii() and text.isalnum() and text.isupper() and event_id.startswith("EVT-"):
        return int.from_bytes(text.encode(), "big")
    return event_id


def _spans_of(path: str, done: Imported, tell: OnProblem) -> Iterator[list[PatternEvent]]:
    """Yield the events of each span in a file."""

    def bad(number: int, reason: str) -> None:
        done.bad += 1
        tell(BadLine(path, number, reason))

    part = opened(path)
    if part is None:
        bad(0, "no such file")
        return
    if isinstance(part.file, BadLine):
        bad(0, part.file.reason)
        return
    try:
        source = unpacked(part.file, part.path) or part.file
        if isinstance(source, BadLine):
            bad(0, source.reason)
            return
        found = scan(source, None, max_line=MOST_BYTES)
        number = 0
        for number, (_, line) in enumerate(before_damage(found, source) if isinstance(source, Unpacked) else found, 1):
            if line is None:
                bad(number, f"longer than {MOST_BYTES:,} bytes: not read")
            elif line.strip():
                try:
                    yield from events_from_otlp_json(line)
                    done.requests += 1
                except LineError as error:
                    bad(number, str(error))
        if isinstance(source, Unpacked) and source.error:
            bad(number + 1, f"not readable from here on: {source.error}")
    finally:
        os.close(part.file)
