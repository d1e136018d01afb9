"""Whole lines, appended to one file by any number of threads and processes.

One `os.write` a line on an O_APPEND descriptor: the kernel keeps lines of different writers apart. No Python file
object stands between, whose lock a forked child would inherit. A writer killed in the middle of its `os.write` leaves
a torn line without a newline, and what is appended next is glued to it. Both sides of that are looked at:

- before a line, after a pause: does the log end with a newline? If not, begin with one;
- after it: where did the line come to stand? If not right behind our last one, and at a border where the kernel stops
  when it kills a writer, is the byte before it a newline? If not, the line was glued to one torn in that very moment,
  and is written again on a line of its own (readers drop an event id that they saw before).

So no lock is shared among processes, and none can be left behind by a dead or stopped one. A line counts as recorded
when `append` returns, and only then. Threads of one process take turns under a lock whose wait is bounded; one that
waited too long, or a signal handler that interrupted an append, writes through a descriptor of its own.

The log may be renamed by any process at any time. Every writer looks each second whether the path still names its file,
and after a line that took it past that second, stopped by a signal perhaps, once more: where the file was renamed
meanwhile, it may have been closed and compressed too, and the line is written again into the live one.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from os import lseek, write
from sys import maxsize
from time import monotonic
from typing import Final

from patternspan.export.backlog import reason_of
from patternspan.export.durable import GroupCommit, IntervalSync, at_exit_and_fork
from patternspan.export.log_file import TRIES, LogFile
from patternspan.export.log_options import DEFAULTS, LogOptions
from patternspan.layout import lock as lock_of
from patternspan.record import guard

_LOCK_SECONDS: Final = 1.0
_RECHECK_SECONDS: Final = 1.0
"""How often the path is compared with the open file, which may have been rotated or removed."""
_QUIET_SECONDS: Final = 0.002
"""After this long without a line of ours, the end of the file is looked at before the next one."""
_BORDER: Final = 512
"""A write that is cut short ends at a multiple of the page size, or of the block size where the disk is full."""
_MOST_RESCUED: Final = 64 << 20


class LineLog(LogFile):
    """Appends whole lines to one file, from any thread, after fork too."""

    def __init__(self, path: str, base: str = "", options: LogOptions = DEFAULTS) -> None:
        """Append to `path`; `base` is the folder above it below which no link is followed, by default its own."""
        path = os.path.abspath(path)
        super().__init__(path, os.path.abspath(base) if base else os.path.dirname(path), options)
        self._rotation = options.rotation
        self._most = maxsize
        self._lock = threading.RLock()
        self._busy = False
        self._recheck = 0.0
        self._quiet = 0.0
        self._seen = 0
        self._rescued = b""
        self._rotated = 0
        self._lines = 0
        self._commit = GroupCommit() if options.durability == "event" else None
        self._waits_for_sync = options.durability == "interval"
        self.unsynced = False
        _logs.add(self)

    def append(self, line: bytes) -> None:
        """Append one line, its newline included; it is in the file when this returns. Raises OSError."""
        lock = self._lock
        if not lock.acquire(False) and not lock.acquire(True, _LOCK_SECONDS):
            self._append_alone(line)
            return
        if self._busy:  # a signal handler, in the middle of an append of this thread
            lock.release()
            self._append_alone(line)
            return
        self._busy = True
        try:
            now = monotonic()
            if now >= self._quiet:
                line = self._prepare(now) + line
            fd = self.fd
            written = write(fd, line)
            end = lseek(fd, 0, 1)
            start = end - written
            if written == len(line) and (start % _BORDER or start == self.end):
                self.end = end
            else:
                self.settle(line, written, end)
            if self.end >= self._most or monotonic() > self._recheck:
                self._look_again(line)
            quiet = now + _QUIET_SECONDS
            self._quiet = quiet if quiet < self._recheck else self._recheck  # noqa: FURB136 - `min` costs a call
            self._lines = ticket = self._lines + 1
        except OSError:
            self.close_file()
            self._quiet = 0.0
            raise
        finally:
            self._busy = False
            lock.release()
        if self._commit is not None:
            self._commit.through(ticket, self._newest, self.sync)
        elif self._waits_for_sync and not self.unsynced:
            self.unsynced = True
            interval_sync.mark(self)

    def _newest(self) -> int:
        return self._lines

    def sync(self) -> None:
        """Send what is written to the disk. Raises OSError."""
        with self._lock:
            if self.fd < 0:
                return
            # Another thread may close the file meanwhile, as when the log is rotated.
            fd = os.dup(self.fd)
        try:
            os.fdatasync(fd)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.path) from None
        finally:
            os.close(fd)

    def _prepare(self, now: float) -> bytes:
        """Open the file where it has to be; return what must stand before the next line."""
        if self.fd < 0 or now >= self._recheck:
            if self.fd < 0 or not self.is_current() or self._turn():
                self._open_live()
            self._seen = os.lseek(self.fd, 0, os.SEEK_END)
            self._recheck = now + _RECHECK_SECONDS
        return self.look()

    def _open_live(self) -> None:
        self._leave_file()
        self._rotated = self._rotated_at()
        self.open()
        self._most = (self._rotation and self._rotation.max_bytes) or maxsize
        if self._turn():
            self._leave_file()
            self._rotated = self._rotated_at()
            self.open()
        if self._rescued:
            self.write(self.look() + self._rescued)
            self._rescued = b""

    def _turn(self) -> bool:
        """Rotate the open log where it is due; say whether it was."""
        return self._rotation is not None and self._rotation.turn(self.path, self.fd)

    def _look_again(self, line: bytes) -> None:
        """Act after a line that made the log large, or came too long after the last look at its path."""
        for _ in range(TRIES):
            now = monotonic()
            if self.is_current():
                if self.end >= self._most and self._turn():
                    self._leave_file()
                    self._quiet = self._recheck = 0.0
                elif self.end >= self._most:
                    # Another process is at it, or it cannot be done: asked again after some more lines.
                    self._most = self.end + (self._most >> 4) + 1
                return
            late = now > self._recheck or self.is_removed()
            self._leave_file()
            self._quiet = self._recheck = 0.0
            if not late:
                return  # renamed within the second: whoever closes the file waits for longer than that
            self.write(self._prepare(monotonic()) + line)
            if self.end < self._most and monotonic() <= self._recheck:
                return

    def _leave_file(self) -> None:
        """Close a file that is the log no longer; its lines are made durable first, or kept where it was removed."""
        if self.fd >= 0 and self.is_removed() and self._rotated_at() == self._rotated:
            self._rescue()
        elif self.fd >= 0 and self.options.durability != "os":
            os.fdatasync(self.fd)
        self.close_file()

    def _rotated_at(self) -> int:
        """Return when this log was last rotated by anybody; a segment that was closed has no need of rescue."""
        try:
            return os.stat(lock_of(self.path), follow_symlinks=False).st_mtime_ns
        except OSError:
            return 0

    def _rescue(self) -> None:
        """Keep the whole lines that came into a removed file since it was known to be the log.

        Each writer does so with what it may have written itself; readers drop an event that comes twice.
        """
        data = os.pread(self.fd, _MOST_RESCUED, self._seen)
        begin = 0 if self.starts_line(self._seen) else data.find(b"\n") + 1
        self._rescued += data[begin : data.rfind(b"\n") + 1]

    def _append_alone(self, line: bytes) -> None:
        file = LogFile(self.path, self._base, self.options)
        try:
            for _ in range(TRIES):
                file.open()
                file.write(file.look() + line)
                if self.options.durability != "os":
                    os.fdatasync(file.fd)
                if file.is_current():
                    return
                file.close_file()
        finally:
            file.close_file()

    def close(self) -> None:
        """Close the file; the next `append` opens it again."""
        with self._lock, contextlib.suppress(OSError):
            self._leave_file()
            if self._rescued:
                self._open_live()
                self.close_file()
            self._quiet = 0.0

    def __del__(self) -> None:
        self.close_file()

    def after_fork(self) -> None:
        """Start anew in a forked child: the parent's lock may be held, and its file offset is shared."""
        self._lock = threading.RLock()
        self._busy = False
        self._quiet = 0.0
        if self._commit is not None:
            self._commit = GroupCommit()
        self.close_file()


_logs: Final[weakref.WeakSet[LineLog]] = weakref.WeakSet()
sync_failures = 0
"""How often a sync in the background has failed."""


def _sync_failed(error: OSError) -> None:
    global sync_failures
    sync_failures += 1
    guard.report("log", f"{error.filename}: a sync failed: {reason_of(error)}; a power loss may take events")


interval_sync: Final = at_exit_and_fork(IntervalSync(_sync_failed))
"""Syncs the logs of durability `interval`."""


def _reset_after_fork() -> None:
    for log in list(_logs):
        log.after_fork()


os.register_at_fork(after_in_child=_reset_after_fork)
