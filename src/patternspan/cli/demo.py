"""`patternspan demo`: a job of real patterns over a real tree, and where to look at what it recorded."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import click

from patternspan.aggregate.plain import counted, duration
from patternspan.aggregate.runs import RunRow, group_whole, row_of
from patternspan.aggregate.timeline import notes
from patternspan.cli.events import Writer
from patternspan.cli.options import settings, shared
from patternspan.cli.recording import record_here, root_option
from patternspan.cli.screen import Screen, is_terminal, note
from patternspan.errors import ConfigError, NotFoundError
from patternspan.layout import global_log, safe_name
from patternspan.log.locate import with_rotated
from patternspan.log.reader import BadLine
from patternspan.log.search import Query, find_in
from patternspan.model.fold import is_terminal as is_terminal_event
from patternspan.record.context import job, step
from patternspan.record.hub import subscribe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from patternspan.cli.demo_tree import Tree
    from patternspan.model.event import PatternEvent
    from patternspan.model.run import PatternRun

_SECOND: Final = 1_000_000_000
_MARKS: Final = {"success": "✓", "failed": "✗", "warning": "!", "skipped": "-"}


@click.command()
@click.option(
    "--path", type=click.Path(exists=True, file_okay=False), metavar="PATH",
    help="Folder to look at.  [default: the source of patternspan itself]",
)  # fmt: skip
@shared()
def demo(path: str | None) -> None:
    """Run a job of six patterns over a folder, then show what was recorded.

    Nothing is written into that folder. One pattern fails because its tool does, another at validation: those are
    worth a look. The demo itself has then done its work and exits with 0.
    """
    from patternspan.cli.demo_tree import Tree

    root = record_here(enabled=True, jsonl=True).root
    _check_writable(root)
    with job(name="patternspan demo") as scope:
        out = os.path.join(root, "demo", safe_name(scope.job_id))
        tree = Tree(path or _own_source(), os.path.abspath(out))
        started = time.time_ns()
        _run_steps(tree)
        seconds = (time.time_ns() - started) / 1e9
    events = _show_timeline(root, scope.job_id, started)
    _suggest(group_whole(events, _row), scope.job_id, seconds)


def _own_source() -> str:
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _check_writable(root: str) -> None:
    """Stop before the work where none of it could be recorded. Raises ConfigError."""
    folder = os.path.dirname(global_log(root))
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK) else "permission denied"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    if reason:
        raise ConfigError(f"{folder}: cannot be written: {reason}; another folder: --root DIR")


def _run_steps(tree: Tree) -> None:
    """Run one pattern a step. What an executor raises is in its run already."""
    from patternspan.cli import demo_patterns as patterns

    steps: tuple[tuple[str, Callable[[Tree], object]], ...] = (
        ("PAT-RUFF-001", patterns.lint),
        ("PAT-COMPILE-001", patterns.compile_all),
        ("PAT-MEASURE-001", patterns.measure),
        ("PAT-DUPES-001", lambda tree: asyncio.run(patterns.find_duplicates(tree))),
        ("PAT-LOCK-001", patterns.audit_lock_file),
        ("PAT-PYTEST-001", patterns.run_tests),
    )
    for number, (pattern_id, execute) in enumerate(steps, 1):
        label = f"[{number}/{len(steps)}]"
        # An exception stands in its run, which has failed; the job goes on.
        with _progress(label, pattern_id), step(f"STEP-{number:03d}"), suppress(Exception):
            execute(tree)


@contextmanager
def _progress(label: str, pattern_id: str) -> Iterator[None]:
    """Say on a terminal what is being done, and how it ended."""
    if not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield
        return
    ends: list[PatternEvent] = []
    unsubscribe = subscribe(lambda event: ends.append(event) if is_terminal_event(event) else None)
    sys.stderr.write(f"{label} {pattern_id} …")
    sys.stderr.flush()
    try:
        yield
    finally:
        unsubscribe()
        sys.stderr.write("\r\x1b[2K")
        for event in ends:
            note(f"{label} {_MARKS.get(event.status, '?')} {event.pattern_id} {', '.join(notes(event))}")


def _show_timeline(root: str, job_id: str, since_ns: int) -> list[PatternEvent]:
    """Print the job's events as they stand in the log, and return them. Raises NotFoundError where there are none."""
    log = global_log(root)
    found: list[PatternEvent] = []
    with Screen(settings().color, paged=False) as screen:
        writer = Writer(screen)
        for item in find_in(with_rotated(log), Query(job_ids=frozenset({job_id}), since_ns=since_ns - _SECOND)):
            if not isinstance(item, BadLine):
                writer.write(item)
                found.append(item.event)
    if not found:
        raise NotFoundError(f"{log}: nothing was recorded; patternspan doctor looks for the reason")
    return found


def _row(run: PatternRun, events: Sequence[PatternEvent]) -> RunRow:
    return row_of(run, events, events[-1].time_ns)


def _suggest(rows: Sequence[RunRow], job_id: str, seconds: float) -> None:
    """Say on standard error how the runs ended, and how to look further."""
    failed = [row for row in rows if row.status == "failed"]
    click.echo(err=True)
    note(f"{counted(len(rows), 'run')} in {duration(seconds)}, {len(failed)} of them failed. To look further:")
    at = root_option()
    commands = [(f"patternspan run {row.pattern_run_id}{at}", f"why {row.pattern_id} failed") for row in failed[::-1]]
    commands += [
        (f"patternspan events --job-id {job_id}{at}", "this timeline"),
        (f"patternspan runs{at}", "every run"),
    ]
    longest = max(len(command) for command, _ in commands)
    for command, meaning in commands:
        note(f"  {command.ljust(longest)}  {meaning}")
