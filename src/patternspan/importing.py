"""import_events(): OTLP JSON, as the collector's file exporter writes it, back into the log."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from patternspan.config import load
from patternspan.errors import LineError
from patternspan.export.otlp_json import events_from_otlp_json
from patternspan.export.writer import EventWriter
from patternspan.log.reader import BadLine, before_damage, unpacked
from patternspan.log.scan import scan
from patternspan.log.segments import opened
from patternspan.model.event import PatternEvent
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
            for events in _spans_of(os.fspath(path), done, tell):
                _take(events, known, writer, done)
                if on_progress is not None:
                    on_progress(done)
            if writer.is_failing:
                raise OSError(f"{settings.root}: the log cannot be written")
    finally:
        writer.close()
    return done


def _take(events: list[PatternEvent], known: set[str], writer: EventWriter, done: Imported) -> None:
    if not events:
        done.foreign += 1
        return
    fresh = writer.write(events)
    known.update(event.event_id for event in fresh)
    done.imported += len(fresh)
    done.present += len(events) - len(fresh)


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
