"""`patternspan runs`: one line a run, the newest first."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from patternspan.aggregate.facts import facts_of
from patternspan.aggregate.plain import age, duration, visible, visible_in
from patternspan.aggregate.runs import ABANDONED, RUNNING, RunGroups, RunRow, group_whole, row_of
from patternspan.aggregate.timeline import local_time
from patternspan.cli.gaps import gaps_in, gaps_of
from patternspan.cli.group import exit_for_unread
from patternspan.cli.options import logs, run_filter, run_filters, settings, shared
from patternspan.cli.screen import Screen
from patternspan.cli.state_store import bring_up, state_store
from patternspan.cli.table import Cell, write_table
from patternspan.log.processes import Processes
from patternspan.log.reader import STDIN, BadLine, Item, LogLine
from patternspan.log.search import Query, find_in
from patternspan.log.since import SLACK_NS
from patternspan.model.ids import RUN_PREFIX, id_time_ms
from patternspan.model.process import process_of
from patternspan.model.wire import encode_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from patternspan.aggregate.filter import Filter
    from patternspan.model.event import PatternEvent
    from patternspan.model.run import PatternRun
    from patternspan.store import Store

T = TypeVar("T")
Found = tuple[RunRow, bytes]
"""A run's row, and its line where that is wanted."""

STATUSES: Final = ("success", "failed", "warning", "skipped", "in_progress", RUNNING, ABANDONED)
_PAGE: Final = 500
_SHORTEST_ID: Final = 12
_DAY: Final = 86400
_WIDE: Final = 100


@click.command()
@run_filters(STATUSES)
@click.option("--limit", "-n", type=click.IntRange(min=0), metavar="N", help="The newest N only.")
@click.option("--json", "as_json", is_flag=True, help="One run a line, as a JSON object.")
@shared()
def runs(files: tuple[str, ...], limit: int | None, as_json: bool, **wanted: Any) -> None:
    """List runs, the newest first.

    --since and --until are about when a run started. A run without an end is shown as running, or as
    abandoned when it cannot end any more: its process is gone, or its timeout and a margin are over.
    They come out of the state store, where `patternspan ingest` has made one, else out of the log.
    """
    now = time.time_ns()
    asked = run_filter(**wanted)
    processes = Processes()

    def make(run: PatternRun, events: Sequence[PatternEvent]) -> Found | None:
        if not asked.matches(facts_of(run, events)):
            return None
        row = row_of(run, events, now, processes.state(process_of(events)))
        return row, encode_value(run) if as_json else b""

    with Screen(settings().color) as screen, state_store(files, screen) as store:
        if store is None:
            paths = logs(files)
            made = looked_at_again(paths, gather(paths, asked, screen, make), make)
            found = sorted((one for one in made if _is_asked(one[0], asked)), key=_newest, reverse=True)[:limit]
        else:
            paths = []
            found = _from_store(store, screen, asked, make, limit)
        if as_json:
            for _, data in found:
                screen.raw(data)
        else:
            write_runs(screen, [row for row, _ in found], now)
        since = wanted["since"]
        for gap in gaps_in(paths, since) if store is None else gaps_of(store.events_with_gap(), since):
            if any(gap.touches(row.started_ns, row.started_ns + int(row.seconds * 1e9)) for row, _ in found):
                screen.gap(gap)
    exit_for_unread(files, screen.unread)


def _newest(found: Found) -> tuple[int, str]:
    return found[0].started_ns // 1000, found[0].pattern_run_id


def _from_store(
    store: Store,
    screen: Screen,
    asked: Filter,
    make: Callable[[PatternRun, Sequence[PatternEvent]], Found | None],
    limit: int | None,
) -> list[Found]:
    """Return what is asked for, the newest first; what seems abandoned is looked at again, as in a log."""
    found: list[Found] = []
    cursor: str | None = None
    while limit is None or len(found) < limit:
        page = store.page(asked, _PAGE if limit is None else min(limit, _PAGE), cursor)
        made = [make(one.run, one.events) for one in page.runs]
        if any(one is not None and one[0].status == ABANDONED for one in made):
            bring_up(store, screen)
            for at, one in enumerate(made):
                if one is not None and one[0].status == ABANDONED:
                    again = store.run(one[0].pattern_run_id)
                    made[at] = None if again is None else make(again.run, again.events)
        found += [one for one in made if one is not None and _is_asked(one[0], asked)]
        cursor = page.cursor
        if cursor is None:
            break
    return found[:limit]


def looked_at_again(
    paths: Sequence[str],
    found: Iterable[Found | None],
    make: Callable[[PatternRun, Sequence[PatternEvent]], Found | None],
) -> list[Found]:
    """Return what was found, where those that seem abandoned were read once more.

    A process may have written the end of its run after that was read, and before the process was looked for.
    """
    made = [result for result in found if result is not None]
    again = frozenset(row.pattern_run_id for row, _ in made if row.status == ABANDONED)
    if not again or STDIN in paths:
        return made
    items = find_in(paths, Query(run_ids=again))
    events = (item.event for item in items if not isinstance(item, BadLine))
    seen = [result for result in group_whole(events, make) if result is not None]
    return [result for result in made if result[0].status != ABANDONED] + seen


def _is_asked(row: RunRow, asked: Filter) -> bool:
    """Say whether a run without an end is one of those that are asked for; the filter tells them not apart."""
    shown = {row.status, "in_progress"} if row.status == RUNNING else {row.status}
    return not asked.statuses or not shown.isdisjoint(asked.statuses)


def gather(
    paths: Sequence[str],
    asked: Filter,
    screen: Screen,
    make: Callable[[PatternRun, Sequence[PatternEvent]], T],
) -> Iterator[T]:
    """Yield what `make` makes of each run that may be asked for; bad lines are reported on the screen.

    Of a filter only the ids of runs and jobs are applied, and the time to read less: a run comes whole or not.
    """
    ids = Query(run_ids=asked.run_ids, job_ids=asked.job_ids)
    if STDIN in paths:
        events = (line.event for line in _good(find_in(paths, ids), screen))
        yield from group_whole(events, make)
        return
    groups = _recent_groups(paths, asked, ids, screen, make)
    if groups is None:
        groups = RunGroups(make)
        for line in _good(find_in(paths, ids), screen):
            groups.add(line.event)
    yield from groups.results()
    if groups.reopened:
        again = groups.reopened
        items = (item for item in find_in(paths, ids) if not isinstance(item, BadLine))
        yield from group_whole((item.event for item in items if item.event.pattern_run_id in again), make)


def _recent_groups(
    paths: Sequence[str],
    asked: Filter,
    ids: Query,
    screen: Screen,
    make: Callable[[PatternRun, Sequence[PatternEvent]], T],
) -> RunGroups[T] | None:
    """Return the runs since a time, read from the end; None where an id does not tell when its run began.

    A run's id is made within the slack before its first event, so a run with an older id began too early.
    """
    if asked.since_us is None:
        return None
    start = asked.since_us * 1000 - SLACK_NS
    recent = Query(run_ids=ids.run_ids, job_ids=ids.job_ids, since_ns=start)
    groups = RunGroups(make)
    bad: list[BadLine] = []
    for item in find_in(paths, recent):
        if isinstance(item, BadLine):
            bad.append(item)
            continue
        made = id_time_ms(item.event.pattern_run_id)
        if made is None:
            return None
        if made >= start // 1_000_000:
            groups.add(item.event)
    for line in bad:
        screen.bad(line)
    return groups


def _good(items: Iterable[Item], screen: Screen) -> Iterator[LogLine]:
    for item in items:
        if isinstance(item, BadLine):
            screen.bad(item)
        else:
            yield item


def write_runs(screen: Screen, rows: Sequence[RunRow], now_ns: int) -> None:
    """Write the table of runs."""
    length = short_length([row.pattern_run_id for row in rows])
    head = ["RUN", "PATTERN", "OPERATION", "STATUS", "STARTED", "TIME", "RESULT"]
    table = [
        [
            Cell(short_id(row.pattern_run_id, length)),
            Cell(visible_in(row.pattern_id, 32), "strong"),
            Cell(visible_in(row.operation_kind, 20)),
            Cell(visible(row.status), row.status),
            Cell(_started(row, now_ns, screen.live), "dim"),
            Cell(duration(row.seconds), right=True),
            Cell(row.note),
        ]
        for row in rows
    ]
    if screen.live and screen.columns < _WIDE:
        # The result says more than the kind of operation.
        column = head.index("OPERATION")
        del head[column]
        for cells in table:
            del cells[column]
    write_table(screen, head, table)


def _started(row: RunRow, now_ns: int, relative: bool) -> str:
    seconds = (now_ns - row.started_ns) / 1e9
    if relative and 0 <= seconds < _DAY:
        return age(seconds)
    day, clock = local_time(row.started_ns)
    return f"{day} {clock[:5] if relative else clock}"


def short_length(run_ids: Sequence[str]) -> int:
    """Return how many characters after the prefix tell these ids apart."""
    bare = sorted({run_id.removeprefix(RUN_PREFIX) for run_id in run_ids})
    length = _SHORTEST_ID
    for one, other in pairwise(bare):
        while length < len(other) and one[:length] == other[:length]:
            length += 1
    return length


def short_id(run_id: str, length: int) -> str:
    """Return the first characters of an id after `PRUN-`; a foreign id stays as it is."""
    if run_id.startswith(RUN_PREFIX):
        return visible(run_id.removeprefix(RUN_PREFIX)[:length])
    return visible_in(run_id, 32)
