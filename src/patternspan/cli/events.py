"""`patternspan events`: the timeline, as it was or as it goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from patternspan.aggregate.gaps import gap_of
from patternspan.aggregate.timeline import local_time, timeline_line
from patternspan.cli.group import exit_for_unread
from patternspan.cli.options import filters, logs, query, settings, shared
from patternspan.cli.screen import Screen, note
from patternspan.errors import ConfigError
from patternspan.log.follow import end_of, follow
from patternspan.log.reader import BadLine, Item
from patternspan.log.search import Query, find_in
from patternspan.log.seen import Seen
from patternspan.log.segments import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patternspan.model.event import PatternEvent

_BEFORE_FOLLOWING = 10


@click.command()
@filters()
@click.option("--limit", "-n", type=click.IntRange(min=0), metavar="N", help="The newest N only.")
@click.option("--follow", "-f", "following", is_flag=True, help="Then show events as they happen, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they stand in the log.")
@shared()
def events(files: tuple[str, ...], limit: int | None, following: bool, as_json: bool, **wanted: Any) -> None:
    """Show events, one a line, the oldest first.

    With --follow the newest 10 come first; --limit and --since change that.
    """
    asked = query(**wanted)
    writer = Writer(Screen(settings().color, paged=not following), as_json)
    with writer.screen:
        now_on = _from_now_on(_only_file(files), not files, asked, limit) if following else None
        for item in now_on or find_in(logs(files), asked, limit):
            writer.write(item)
            if following:
                writer.screen.flush()
    exit_for_unread(files, writer.screen.unread)


class Writer:
    """Writes events as lines of a timeline, or as they are stored."""

    def __init__(self, screen: Screen, as_json: bool = False) -> None:
        self.screen = screen
        self._as_json = as_json
        self._day = local_time(time.time_ns())[0]

    def write(self, item: Item) -> None:
        """Write an event, or report a bad line."""
        if isinstance(item, BadLine):
            self.screen.bad(item)
            return
        gap = gap_of(item.event)
        if gap is not None:
            self.screen.gap(gap)
        if self._as_json:
            self.screen.raw(item.data)
        else:
            self.event(item.event)

    def event(self, event: PatternEvent) -> None:
        """Write the line of an event, below its date where that is not the one before it, or today."""
        line = timeline_line(event)
        paint = self.screen.paint
        if line.day != self._day:
            self._day = line.day
            self.screen.line(paint(line.day, "dim"))
        if not self.screen.colored:
            self.screen.line(str(line))
            return
        detail = paint(f" ({line.note})", "dim") if line.note else ""
        self.screen.line(
            f"{paint(f'[{line.clock}]', 'dim')} {line.pattern} {paint(line.event_type, 'strong')}"
            f" → {paint(line.status, line.status)}{detail}"
        )


def _only_file(files: tuple[str, ...]) -> str:
    if not files:
        return settings().place().log
    if len(files) > 1 or files[0] == "-":
        raise ConfigError("--follow takes one file, by its name")
    return files[0]


def _from_now_on(path: str, whole: bool, asked: Query, limit: int | None) -> Iterator[Item]:
    """Show the end of a log, or of one file where `whole` is false, and then what comes."""
    start, seen = end_of(path), Seen()
    parts = parts_of(path, start) if whole else parts_of(path, start)[-1:]
    if start is None and len(parts) <= 1:
        note(f"{path}: no log here yet; waiting for it")
    else:
        if limit is None and asked.since_ns is None:
            limit = _BEFORE_FOLLOWING
        yield from find_in(parts, asked, limit, seen=seen)
    for item in follow(path, start, stop=lambda: False, sleep=time.sleep, seen=seen):
        if isinstance(item, BadLine) or asked.matches(item.event):
            yield item
