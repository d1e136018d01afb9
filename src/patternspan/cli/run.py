"""`patternspan run`: one run, whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
import msgspec

from patternspan.aggregate.abandoned import why_abandoned
from patternspan.aggregate.runs import ABANDONED, RUNNING, RunRow, row_of
from patternspan.aggregate.waterfall import Waterfall, waterfall
from patternspan.cli.events import Writer
from patternspan.cli.find_run import run_events, run_in_store
from patternspan.cli.gaps import gaps_in
from patternspan.cli.group import exit_for_unread
from patternspan.cli.options import logs, run_id, settings, shared
from patternspan.cli.run_view import RunView, view_lines
from patternspan.cli.screen import Screen, note
from patternspan.cli.state_store import state_store
from patternspan.errors import AmbiguousIdError, NotFoundError
from patternspan.files import regular
from patternspan.log.follow import end_of
from patternspan.log.locate import archived_runs
from patternspan.log.processes import Processes
from patternspan.log.reader import STDIN
from patternspan.model.fold import fold_in_order, in_order, is_synthetic
from patternspan.model.ids import instant, is_timestamp
from patternspan.model.process import process_of
from patternspan.model.run import PatternRun
from patternspan.model.wire import MAX_LINE_BYTES, encode_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from patternspan.aggregate.gaps import Gap
    from patternspan.log.follow import Position
    from patternspan.log.reader import BadLine
    from patternspan.model.event import PatternEvent

_PLAIN_COLUMNS = 100


@click.command()
@click.argument("identifier", metavar="RUN_ID")
@click.option(
    "--file", "-i", "files", multiple=True, type=click.Path(allow_dash=True), metavar="PATH",
    help="Read this log, the logs of this folder, or `-` for standard input.",
)  # fmt: skip
@click.option("--events", "with_events", is_flag=True, help="Its events too.")
@click.option("--json", "as_json", is_flag=True, help="The run as one JSON object; with --events, its lines.")
@click.option("--follow", "-f", "following", is_flag=True, help="Show it until it ends.")
@click.option("--exit-status", is_flag=True, help="Exit with 1 when the run failed.")
@shared()
def run(
    identifier: str,
    files: tuple[str, ...],
    with_events: bool,
    as_json: bool,
    following: bool,
    exit_status: bool,
) -> None:
    """Show one run, why it failed and where its time went.

    RUN_ID is any beginning of its id that no other run has; PRUN- may be left out.
    """
    root = settings().place().root
    with Screen(settings().color, paged=not following) as screen:
        try:
            paths = logs(files)
            start = end_of(paths[-1]) if following else None
            found, bad = _found(files, paths, identifier, screen)
            if _seems_abandoned(in_order(found)) and STDIN not in paths:
                # Its end may have been written after it was read, and before its process was looked for.
                found, bad = _found(files, paths, identifier, screen)
        except AmbiguousIdError:
            raise
        except NotFoundError:
            archived = None if files else _archived(root, identifier)
            if archived is None:
                raise
            found, bad, folded = [], [], archived
        for line in bad:
            screen.bad(line)
        events = in_order(found)
        if events and following:
            events = _watched(screen, paths[-1], start, events, root)
        if events:
            folded = fold_in_order(events)
        if as_json:
            _write_json(screen, folded, events if with_events else None)
        else:
            gaps = gaps_in(paths, events[0].time_ns) if events else []
            _write_view(screen, view_of(folded, events, root, time.time_ns(), gaps), with_events)
    exit_for_unread(files, screen.unread)
    if exit_status and folded.status == "failed":
        click.get_current_context().exit(1)


def found_run(files: Sequence[str], identifier: str, screen: Screen) -> PatternRun:
    """Return the run that this beginning of an id means, out of its events or else its archive.

    Raises NotFoundError where there is none, or more than one.
    """
    try:
        found, bad = _found(files, logs(files), identifier, screen)
    except AmbiguousIdError:
        raise
    except NotFoundError:
        archived = None if files else _archived(settings().place().root, identifier)
        if archived is None:
            raise
        return archived
    for line in bad:
        screen.bad(line)
    return fold_in_order(in_order(found))


def _found(
    files: Sequence[str], paths: Sequence[str], identifier: str, screen: Screen
) -> tuple[list[PatternEvent], list[BadLine]]:
    """Return the events of the run out of the store where there is one that has it, else out of the log."""
    with state_store(files, screen) as store:
        found = [] if store is None else run_in_store(store, identifier)
    return (found, []) if found else run_events(paths, identifier)


def _watched(
    screen: Screen, path: str, start: Position | None, events: list[PatternEvent], root: str
) -> list[PatternEvent]:
    from patternspan.cli.live import watch

    def draw(known: Sequence[PatternEvent]) -> Iterator[str]:
        view = view_of(fold_in_order(known), known, root, time.time_ns())
        return view_lines(view, screen.paint, screen.columns)

    return watch(path, start, events, screen, Writer(screen), draw)


def _write_json(screen: Screen, folded: PatternRun, events: Sequence[PatternEvent] | None) -> None:
    if events is None:
        screen.raw(encode_value(folded))
        return
    for event in events:
        screen.raw(event.to_json().encode())


def _write_view(screen: Screen, view: RunView, with_events: bool) -> None:
    for line in view_lines(view, screen.paint, screen.columns if screen.live else _PLAIN_COLUMNS):
        screen.line(line)
    if with_events and view.events:
        screen.line()
        writer = Writer(screen)
        for event in view.events:
            writer.event(event)


def _seems_abandoned(events: Sequence[PatternEvent]) -> bool:
    state = Processes().state(process_of(events))
    return row_of(fold_in_order(events), events, time.time_ns(), state).status == ABANDONED


def view_of(
    folded: PatternRun, events: Sequence[PatternEvent], root: str, now_ns: int, gaps: Sequence[Gap] = ()
) -> RunView:
    """Return the view of a run; `events` are its own, in order, and empty where only the archive knows it.

    Of the gaps those are shown in which events of this run may be missing.
    """
    if not events:
        return RunView(folded, _archived_row(folded), [], Waterfall([], 0), [], root, now_ns)
    from patternspan.model.conform import TERMINAL_EVENT, judge_lifecycle

    # That a run has no end yet is said at the top of the screen.
    problems = [str(problem) for problem in judge_lifecycle(events) if problem.rule != TERMINAL_EVENT]
    state = Processes().state(process_of(events))
    row = row_of(folded, events, now_ns, state)
    problems += [str(gap) for gap in gaps if gap.touches(row.started_ns, row.started_ns + int(row.seconds * 1e9))]
    # When an end was written for a process that had died says nothing of where its time went.
    own = [event for event in events if not is_synthetic(event)]
    fall = waterfall(own, now_ns, row.status != RUNNING)
    why = why_abandoned(events, state, now_ns) or ""
    return RunView(folded, row, events, fall, problems, root, now_ns, why)


def _archived(root: str, identifier: str) -> PatternRun | None:
    """Return the run from its archive, where one alone has an id that begins so."""
    paths = archived_runs(root, run_id(identifier)) or archived_runs(root, f"PRUN-{identifier.strip()}")
    if len(paths) != 1:
        return None
    try:
        with open(paths[0], "rb", opener=regular) as file:
            found = msgspec.json.decode(file.read(MAX_LINE_BYTES), type=PatternRun)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not is_timestamp(found.started_at or ""):
        return None
    note(f"{paths[0]}: its events are not in the log; this is the archived run")
    return found


def _archived_row(folded: PatternRun) -> RunRow:
    return RunRow(
        folded.pattern_run_id,
        folded.pattern_id,
        folded.job_id,
        folded.operation_kind,
        folded.status,
        instant(folded.started_at or ""),
        folded.duration_seconds or 0.0,
        "",
    )
