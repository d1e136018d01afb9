"""import_events(): OTLP JSON, as the collector's file exporter writes it, back into the log."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from patternspan.config import load
from patternspan.errors import LineError
from patternspan.export.otlp_json import events_from_otlp_json, events_from_otlp_logs, request_in
from patternspan.export.writer import EventWriter
from patternspan.log.reader import BadLine, before_damage, unpacked
from patternspan.log.scan import scan
from patternspan.log.segments import opened
from patternspan.model.event import PatternEvent
from patternspan.model.fold import is_terminal
from patternspan.model.packing import Unpacked
from patternspan.reading import read_events

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
    """Spans and log records without a pattern event."""
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
    too. Events are found on spans and in log records: those of this package, and lines that a collector read from its
    log. They go into the job's log and runs that have ended into the archive as when they are recorded; redaction is
    applied. A line that cannot be read is told to `on_problem` and counted. The ids of the log's events are held in
    memory: 120 to 190 bytes each.

    Raises ConfigError where an option is wrong, OSError where the log cannot be written.
    """
    settings = load({"root": None if root is None else os.fspath(root)})
    known = {event.event_id for event in read_events(settings.root)}
    done = Imported()
    tell = on_problem or (lambda _: None)
    writer = EventWriter(settings, known.__contains__)
    try:
        for path in paths:
            for found in _found_in(os.fspath(path), done, tell):
                _take(found, known, writer, done)
                if on_progress is not None:
                    on_progress(done)
            if writer.is_failing:
                raise OSError(f"{settings.root}: the log cannot be written")
    finally:
        writer.close()
    return done


class _Found(NamedTuple):
    """The events of one span or one log record; `run` are those that its run has had so far."""

    events: Sequence[PatternEvent]
    run: Sequence[PatternEvent]


def _take(found: _Found, known: set[str], writer: EventWriter, done: Imported) -> None:
    if not found.events:
        done.foreign += 1
        return
    fresh = writer.write(*found)
    known.update(event.event_id for event in fresh)
    done.imported += len(fresh)
    done.present += len(found.events) - len(fresh)


def _in_request(request: Mapping[str, Any], open_runs: dict[str, list[PatternEvent]]) -> Iterator[_Found]:
    for events in events_from_otlp_json(request):
        yield _Found(events, events)
    for event in events_from_otlp_logs(request):
        if event is None:
            yield _Found((), ())
            continue
        run = open_runs.setdefault(event.pattern_run_id, [])
        run.append(event)
        if is_terminal(event):
            del open_runs[event.pattern_run_id]
        yield _Found((event,), run)


def _found_in(path: str, done: Imported, tell: OnProblem) -> Iterator[_Found]:
    """Yield what each span and each log record in a file holds."""

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
        open_runs: dict[str, list[PatternEvent]] = {}
        for number, (_, line) in enumerate(before_damage(found, source) if isinstance(source, Unpacked) else found, 1):
            if line is None:
                bad(number, f"longer than {MOST_BYTES:,} bytes: not read")
            elif line.strip():
                try:
                    yield from _in_request(request_in(line), open_runs)
                    done.requests += 1
                except LineError as error:
                    bad(number, str(error))
        if isinstance(source, Unpacked) and source.error:
            bad(number + 1, f"not readable from here on: {source.error}")
    finally:
        os.close(part.file)
