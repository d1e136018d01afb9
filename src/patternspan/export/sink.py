"""Where events go: the global log, and their job's own; what this process has written there, counted."""

from __future__ import annotations

import contextlib
import os
from itertools import count
from typing import Final, NamedTuple

from patternspan.export.backlog import KeptLog, kept_logs, tally
from patternspan.export.line_log import LineLog
from patternspan.export.log_options import DEFAULTS, LogOptions
from patternspan.layout import LOG_NAME, job_log_in

_OPEN_JOBS: Final = 32


# Ids of events that this process has written, kept only where a span exporter asks, which must not write them again.
_written: dict[str, None] | None = None
_MOST_WRITTEN: Final = 200_000


def remember_written() -> None:
    """Keep the ids of what is written from now on, for `was_written`."""
    global _written
    if _written is None:
        _written = {}


def was_written(event_id: str) -> bool:
    """Say whether this process has written the event to a log, since `remember_written` was called."""
    return _written is not None and event_id in _written


def _remember(event_id: str) -> None:
    if _written is not None:
        _written[event_id] = None
        if len(_written) > _MOST_WRITTEN:
            with contextlib.suppress(StopIteration, KeyError, RuntimeError):
                del _written[next(iter(_written))]


# Events that sinks were handed: `next` is one step for all threads, and the count is read from the counter's text.
_taken = count()
_count = _taken.__next__


def _count_anew() -> None:
    global _taken, _count
    _taken = count()
    _count = _taken.__next__


os.register_at_fork(after_in_child=_count_anew)


class JsonlSink:
    """Writes each event to the global log and, unless told otherwise, to its job's own log.

    What cannot be written waits in memory (`backlog.py`); nothing is raised.
    """

    def __init__(self, events_dir: str, *, job_logs: bool = True, options: LogOptions = DEFAULTS) -> None:
        self.events_dir = os.path.abspath(events_dir)
        self._options = options
        self.log = self._open(os.path.join(self.events_dir, LOG_NAME), options)
        self._job_logs = job_logs
        self._jobs: dict[str, KeptLog] = {}

    def _open(self, path: str, options: LogOptions, *, is_copy: bool = False) -> KeptLog:
        return KeptLog(LineLog(path, self.events_dir, options), options.most_pending_bytes, is_copy=is_copy)

    def __call__(self, line: bytes, job_id: str, event_id: str) -> None:
        """Write one event; its line ends with a newline."""
        _count()
        self.log.append(line)
        if self._job_logs:
            log = self._jobs.get(job_id)
            if log is None:
                log = self._open_job(job_id)
            log.append(line)
        if _written is not None:
            _remember(event_id)

    def _open_job(self, job_id: str) -> KeptLog:
        # A copy, which can be made again from the global log: it does not wait for the disk.
        log = self._open(job_log_in(self.events_dir, job_id), self._options._replace(durability="os"), is_copy=True)
        self._jobs[job_id] = log
        if len(self._jobs) > _OPEN_JOBS:
            with contextlib.suppress(StopIteration, KeyError, RuntimeError):
                # Another thread may still write to it: it is closed when nobody holds it any more.
                self._jobs.pop(next(iter(self._jobs)))
        return log

    def close(self) -> None:
        """Close every file; the next event opens them again. What waits is tried once more."""
        for kept in (self.log, *list(self._jobs.values())):
            kept.close()


class Totals(NamedTuple):
    """What became of the events of this process."""

    written: int
    pending: int
    lost: int


def totals() -> Totals:
    """Return how many events stand in global logs, wait in memory, and were given up."""
    pending = sum(log.pending for log in kept_logs() if not log.is_copy)
    taken = int(repr(_taken)[len("count(") : -1])
    return Totals(taken - pending - tally.lost, pending, tally.lost)
