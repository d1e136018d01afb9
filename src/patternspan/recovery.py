"""The end of runs that cannot end any more, written in the name of their processes."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from patternspan.aggregate.abandoned import synthetic_end, why_abandoned
from patternspan.config import Config, load
from patternspan.errors import ConfigError
from patternspan.export.archive import RunArchive
from patternspan.export.line_log import LineLog
from patternspan.export.log_options import LogOptions, log_options
from patternspan.files import open_append, open_folder
from patternspan.layout import LOG_NAME, job_log_in
from patternspan.log.locate import Place, place, with_rotated
from patternspan.log.moment import length_ns
from patternspan.log.processes import Processes
from patternspan.log.reader import BadLine
from patternspan.log.search import Query, find_in
from patternspan.model.event import PatternEvent
from patternspan.model.fold import in_order, is_terminal
from patternspan.model.process import process_of
from patternspan.model.wire import encode

LOCK_NAME: Final = LOG_NAME.removesuffix(".jsonl") + ".recover.lock"

Silence = float | timedelta | str | None
OnProblem = Callable[[BadLine], object]


def recover(
    root: str | os.PathLike[str] | None = None, dry_run: bool = False, silent_for: Silence = None
) -> list[PatternEvent]:
    """End each run below `root` that cannot end any more, and return the events that do it, which are written.

    Such a run has no terminal event, and its process is gone from this host; or it has been silent for longer than its
    own timeout and a minute (an hour where its process lives); or, of other hosts and unknown processes, for longer
    than `silent_for`: seconds, a timedelta, or a text such as `2h`. With `dry_run` nothing is written.

    The events are marked `synthetic`. A run is ended once: where another recovery of the same log is at work, this one
    does nothing and returns an empty list. Where a run ends by itself after all, that end is the one that counts.

    Raises ConfigError where an option is wrong, OSError where the log cannot be written.
    """
    config = load({"root": None if root is None else os.fspath(root)})
    found = recover_at(place(config.root), config, dry_run=dry_run, silent_ns=silence(silent_for))
    return found or []


def silence(value: Any) -> int | None:
    """Return nanoseconds for what `silent_for` may be. Raises ConfigError for anything else."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str):
        found = length_ns(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12:
        found = int(value * 1_000_000_000)
    else:
        found = None
    if found is None or found < 0:
        raise ConfigError(f"silent_for: {value!r} is no length of time: seconds, a timedelta, or 90s, 30m, 2h, 1d, 1w")
    return found


def recover_at(
    where: Place,
    config: Config,
    *,
    dry_run: bool = False,
    silent_ns: int | None = None,
    on_problem: OnProblem = lambda _line: None,
) -> list[PatternEvent] | None:
    """Do what `recover` does, for a log anywhere; None where another recovery is at work on it."""
    if dry_run:
        return [end for _, end in _ends(where, silent_ns, on_problem)]
    if not os.path.isdir(os.path.dirname(where.log)):
        return []
    lock = os.path.join(os.path.dirname(where.log), LOCK_NAME)
    with _alone(lock, log_options(config).modes.file) as alone:
        if not alone:
            return None
        return _write(where, config, _ends(where, silent_ns, on_problem), on_problem)


def _ends(
    where: Place, silent_ns: int | None, on_problem: OnProblem
) -> list[tuple[Sequence[PatternEvent], PatternEvent]]:
    """Return the runs that cannot end any more, each with the end that it is to get."""
    paths = [path for path in with_rotated(where.log) if os.path.exists(path)]
    processes = Processes()
    suspects = [events for events in _open_runs(paths, Query(), on_problem) if _why(events, processes, silent_ns)]
    if not suspects:
        return []
    # A process may have written the end after its run was read and before it was looked for: so read those once more,
    # now that all that are gone have written their last.
    again = Query(run_ids=frozenset(events[0].pattern_run_id for events in suspects))
    found: list[tuple[Sequence[PatternEvent], PatternEvent]] = []
    for events in _open_runs(paths, again, lambda _line: None):
        why = _why(events, processes, silent_ns)
        if why is not None:
            found.append((events, synthetic_end(events, why, time.time_ns())))
    return found


def _why(events: Sequence[PatternEvent], processes: Processes, silent_ns: int | None) -> str | None:
    return why_abandoned(events, processes.state(process_of(events)), time.time_ns(), silent_ns)


def _open_runs(paths: Sequence[str], query: Query, on_problem: OnProblem) -> list[list[PatternEvent]]:
    """Return the events of each run that has no end."""
    ended: set[str] = set()
    going: dict[str, list[PatternEvent]] = {}
    for item in find_in(paths, query):
        if isinstance(item, BadLine):
            on_problem(item)
            continue
        run_id = item.event.pattern_run_id
        if run_id in ended:
            continue
        if is_terminal(item.event):
            ended.add(run_id)
            going.pop(run_id, None)
        else:
            going.setdefault(run_id, []).append(item.event)
    return [in_order(events) for events in going.values()]


def _write(
    where: Place,
    config: Config,
    ends: Sequence[tuple[Sequence[PatternEvent], PatternEvent]],
    on_problem: OnProblem,
) -> list[PatternEvent]:
    folder, options = os.path.dirname(where.log), log_options(config)._replace(rotation=None)
    log = LineLog(where.log, folder, options)
    archive = RunArchive(where.root, options.modes) if config.archive else None
    try:
        for events, end in ends:
            line = encode(end) + b"\n"
            log.append(line)
            try:
                if config.job_log:
                    _copy(line, job_log_in(folder, end.job_id), folder, options)
                if archive is not None:
                    archive(in_order([*events, end]))
            except (OSError, ValueError, RecursionError) as error:
                # Both can always be made again from the log.
                on_problem(BadLine(where.root, 0, f"{end.pattern_run_id}: only the log has its end: {error}"))
    finally:
        log.close()
    return [end for _, end in ends]


def _copy(line: bytes, path: str, folder: str, options: LogOptions) -> None:
    log = LineLog(path, folder, options._replace(durability="os"))
    try:
        log.append(line)
    finally:
        log.close()


@contextmanager
def _alone(path: str, mode: int) -> Iterator[bool]:
    """Say whether no other recovery is at work; never waits. Where the file system has no locks, it is let go on.

    That costs nothing but lines: two recoveries make the same event ids, and readers show each once.
    """
    folder = open_folder(os.path.dirname(path))
    try:
        descriptor = open_append(folder, os.path.basename(path), path, mode).fd
    finally:
        os.close(folder)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass
        yield True
    finally:
        os.close(descriptor)
