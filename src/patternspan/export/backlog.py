"""Lines that cannot be written for now: kept in memory, in order, within a bound, and written when that works again.

While a log cannot be written, recording costs one look at a list. A thread tries again twice a second. What did not
fit into the bound is counted, and the first line that is written after it says so in a member `gap` of its own.
"""

from __future__ import annotations

import atexit
import errno
import os
import re
import threading
import time
import weakref
from collections import deque
from typing import Final, Protocol

import msgspec

from patternspan.model.wire import encode_value
from patternspan.record import guard

_TRY_SECONDS: Final = 0.5
_LOCK_SECONDS: Final = 1.0
_EXIT_SECONDS: Final = 1.0
_TIMESTAMP: Final = re.compile(rb'"timestamp":"([^"]{20,35})"')


class Gap(msgspec.Struct):
    """Events that could not be written and did not fit into memory."""

    events: int = 0
    since: str = ""
    """The timestamp of the first."""
    until: str = ""
    """The timestamp of the last."""
    reason: str = ""

    def add(self, line: bytes, reason: str) -> None:
        """Count one more line."""
        found = _TIMESTAMP.search(line)
        self.until = found[1].decode() if found is not None else self.until
        self.since = self.since or self.until
        self.reason = reason
        self.events += 1


class Tally:
    """What was given up in this process, over all of its logs."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked child does."""
        self._lock = threading.RLock()
        self.lost = 0
        """Lines that did not fit into memory, or waited when the process ended."""
        self.copies_lost = 0
        """The same of logs whose lines stand in another one too."""
        self.gaps = 0
        """How many lines tell of a gap before them."""
        self.last_error = ""

    def lose(self, lines: int, *, is_copy: bool) -> None:
        """Count lines that are given up."""
        with self._lock:
            if is_copy:
                self.copies_lost += lines
            else:
                self.lost += lines


tally: Final = Tally()


class Log(Protocol):
    """What lines are appended to."""

    path: str

    def append(self, line: bytes) -> None:
        """Append one line. Raises OSError."""

    def close(self) -> None:
        """Close the file."""


class KeptLog:
    """A log whose lines wait in memory where it cannot be written; `append` raises nothing."""

    def __init__(self, log: Log, most_bytes: int, *, is_copy: bool = False) -> None:
        self.log = log
        self.is_copy = is_copy
        """Whether its lines stand in another log too."""
        self.last_error = ""
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] | None = None
        self._bytes = 0
        self._gap = Gap()
        self._lock = threading.RLock()
        self._flushing = False
        self._in_flight = 0
        _kept.add(self)

    def append(self, line: bytes) -> None:
        """Append one line, or keep it until it can be."""
        if self._waiting is None or not self._keep(line, None):
            try:
                self.log.append(line)
            except OSError as error:
                self._keep(line, error)

    @property
    def pending(self) -> int:
        """How many lines wait in memory."""
        return 0 if self._waiting is None else len(self._waiting) + self._in_flight

    @property
    def is_failing(self) -> bool:
        """Whether the log could not be written when that was last tried."""
        return self._waiting is not None

    def _keep(self, line: bytes, error: OSError | None) -> bool:
        """Keep a line that could not be written, or has others before it; say False where nothing waits any more."""
        if not self._lock.acquire(True, _LOCK_SECONDS):
            self._gap.add(line, self.last_error)
            tally.lose(1, is_copy=self.is_copy)
            return True
        try:
            if error is not None:
                self._note(error)
            elif self._waiting is None:
                return False
            if self._waiting is None:
                self._waiting = deque()
                _retrier.watch(self)
            self._waiting.append(line)
            self._bytes += len(line)
            while self._bytes > self._most_bytes and self._waiting:
                self._drop(self._waiting.popleft())
            return True
        finally:
            self._lock.release()

    def _drop(self, line: bytes) -> None:
        self._bytes -= len(line)
        self._gap.add(line, self.last_error)
        tally.lose(1, is_copy=self.is_copy)

    def _note(self, error: OSError) -> None:
        self.last_error = tally.last_error = reason_of(error)
        guard.report(
            "log", f"{self.log.path}: {self.last_error}; events wait in memory, `patternspan doctor` may know more"
        )

    def flush(self) -> bool:
        """Write what waits, in order; say whether all of it is written."""
        with self._lock:
            if self._flushing:
                return False
            self._flushing = True
        try:
            while (line := self._next()) is not None:
                try:
                    self.log.append(line)
                except OSError as error:
                    self._give_back(line, error)
                    return False
                self._in_flight = 0
        finally:
            self._in_flight = 0
            self._flushing = False
        return self._waiting is None

    def flush_within(self, seconds: float) -> bool:
        """Write what waits; where another thread is doing that, wait for it, but not for longer."""
        end = time.monotonic() + seconds
        while not (done := self.flush()) and self._flushing and time.monotonic() < end:
            time.sleep(0.01)
        return done

    def _next(self) -> bytes | None:
        """Take the oldest line that waits, marked where others before it were given up."""
        with self._lock:
            if not self._waiting:
                if self._gap.events == 0:  # else the next line has to tell of it
                    self._waiting = None
                return None
            line = self._waiting.popleft()
            self._in_flight = 1
            self._bytes -= len(line)
            if self._gap.events:
                gap, self._gap = self._gap, Gap()
                if not self.is_copy:
                    tally.gaps += 1
                line = line.removesuffix(b"}\n") + b',"gap":' + encode_value(gap) + b"}\n"
            return line

    def _give_back(self, line: bytes, error: OSError) -> None:
        with self._lock:
            self._note(error)
            if self._waiting is not None:
                self._waiting.appendleft(line)
                self._bytes += len(line)

    def close(self) -> None:
        """Try once more to write what waits, and close the file; the next line opens it again."""
        if self._waiting is not None:
            self.flush()
        self.log.close()

    def give_up(self) -> int:
        """Forget what waits, and return how many lines that were."""
        with self._lock:
            count = self.pending
            self._waiting, self._bytes = None, 0
            tally.lose(count, is_copy=self.is_copy)
            return count

    def after_fork(self) -> None:
        """Start anew in a forked child: what waits is the parent's to write."""
        self._lock = threading.RLock()
        self._flushing = False
        self._waiting, self._bytes, self._gap = None, 0, Gap()


def kept_logs() -> list[KeptLog]:
    """Return the logs of this process."""
    return list(_kept)


def reason_of(error: OSError) -> str:
    """Return what an error says in few words: its name and its text."""
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return f"{name}: {error.strerror or error}"


class _Retrier:
    """Tries again to write what waits, in a thread that lives only as long as something does."""

    def __init__(self) -> None:
        self._logs: list[KeptLog] = []
        self._thread: threading.Thread | None = None

    def watch(self, log: KeptLog) -> None:
        self._logs.append(log)
        if self._thread is None:
            try:
                self._thread = threading.Thread(target=self._run, name="patternspan-retry", daemon=True)
                self._thread.start()
            except RuntimeError:  # at the interpreter's end: `at_exit` tries once more
                self._thread = None

    def _run(self) -> None:
        while True:
            time.sleep(_TRY_SECONDS)
            for log in list(self._logs):
                if log.flush():
                    self._logs.remove(log)
            if not self._logs:
                self._thread = None
                if not self._logs:
                    return
                # A log came in between: either its `watch` saw no thread and started one, or this one goes on.
                self._thread = self._thread or threading.current_thread()
                if self._thread is not threading.current_thread():
                    return

    def at_exit(self) -> None:
        for log in list(self._logs):
            if not log.flush_within(_EXIT_SECONDS):
                log.give_up()
                if tally.lost and not log.is_copy:
                    guard.report("log", f"{log.log.path}: {log.last_error}; {tally.lost} events are lost", always=True)
        self._logs.clear()

    def after_fork(self) -> None:
        self._logs = []
        self._thread = None
        tally.reset()
        for log in list(_kept):
            log.after_fork()


_kept: Final[weakref.WeakSet[KeptLog]] = weakref.WeakSet()
_retrier: Final = _Retrier()
atexit.register(_retrier.at_exit)
os.register_at_fork(after_in_child=_retrier.after_fork)
