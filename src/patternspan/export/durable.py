"""What survives a power loss: when a log's bytes are sent from the kernel's memory to the disk.

Each writer that waits has its line written first, by itself; threads that wait at the same time then share one
`fdatasync` (a group commit). Nobody waits for a thread that cannot come: a signal handler that interrupted the one who
syncs, or waited too long for it, syncs by itself.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from typing import Final, Literal, Protocol

Durability = Literal["os", "interval", "event"]
"""`os`: what is written survives the process; `interval`: at most so much is lost; `event`: nothing is."""

_WAIT_SECONDS: Final = 5.0


class Syncable(Protocol):
    """A log whose bytes can be sent to the disk."""

    unsynced: bool
    """Whether it is on the list of those to sync."""

    def sync(self) -> None:
        """Send all that is written to the disk. Raises OSError."""


class GroupCommit:
    """Lets threads that wait for the same file share one sync.

    Who syncs waits a moment for those who shared the last sync, and write their next lines meanwhile: without that,
    half of the syncs are for one line. A thread that is alone waits for nobody.
    """

    def __init__(self) -> None:
        self._arrived = 0
        self._expected = 1
        self._sync_seconds = 0.0
        self._turn = threading.Condition(threading.RLock())
        self._leader = 0
        self._synced = 0
        self._failed = 0
        self._why: OSError | None = None

    def through(self, ticket: int, newest: Callable[[], int], sync: Callable[[], None]) -> None:
        """Return when the line with this number is on the disk; `newest` is the number of the last one written.

        Raises OSError where the sync that it waited for has failed: that line may be lost, whatever a later sync says.
        """
        me = threading.get_ident()
        with self._turn:
            self._arrived += 1
            if self._expected > 1:
                self._turn.notify_all()
            while self._leader not in (0, me):
                if self._is_done(ticket):
                    return
                if not self._turn.wait(_WAIT_SECONDS):
                    break
            if self._is_done(ticket):
                return
            nested, self._leader = self._leader, me
            if nested == 0:
                self._gather()
            through = newest()
            self._expected, self._arrived = self._arrived, 0
        began = time.monotonic()
        try:
            sync()
        except OSError as error:
            with self._turn:
                self._failed, self._why = max(self._failed, through), error
            raise
        else:
            with self._turn:
                self._synced = max(self._synced, through)
                self._sync_seconds = time.monotonic() - began
        finally:
            with self._turn:
                self._leader = nested if nested == me else 0
                self._turn.notify_all()

    def _gather(self) -> None:
        """Wait for those who shared the last sync, for a quarter of what that took at most."""
        end = time.monotonic() + self._sync_seconds / 4
        while self._arrived < self._expected and (left := end - time.monotonic()) > 0:
            self._turn.wait(left)

    def _is_done(self, ticket: int) -> bool:
        if self._synced >= ticket:
            return True
        if self._why is not None and self._failed >= ticket:
            raise OSError(self._why.errno, self._why.strerror, self._why.filename)
        return False


class IntervalSync:
    """Syncs logs in the background, at most so many seconds after a line was written to them."""

    def __init__(self, failed: Callable[[OSError], None]) -> None:
        self.seconds = 1.0
        self._failed = failed
        self._reset()

    def _reset(self) -> None:
        self._due: list[Syncable] = []
        self._thread: threading.Thread | None = None

    def mark(self, log: Syncable) -> None:
        """Have a log synced, which has set its `unsynced`."""
        self._due.append(log)
        if self._thread is None:
            try:
                self._thread = threading.Thread(target=self._run, name="patternspan-sync", daemon=True)
                self._thread.start()
            except RuntimeError:  # no thread can be started any more, as at the interpreter's end
                self._thread = None
                self.flush()

    def _run(self) -> None:
        # It looks again and again: an event to wait for has a lock, which a signal handler could wait for in vain.
        while True:
            time.sleep(self.seconds)
            self.flush()

    def flush(self) -> None:
        """Sync now what waits for it."""
        while self._due:
            try:
                log = self._due.pop()
            except IndexError:
                return
            log.unsynced = False
            try:
                log.sync()
            except OSError as error:
                self._failed(error)

    def after_fork(self) -> None:
        """Start anew in a forked child, which has no thread; the parent syncs what it wrote."""
        for log in self._due:
            log.unsynced = False
        self._reset()


def at_exit_and_fork(interval: IntervalSync) -> IntervalSync:
    """Let the process's syncer do the rest at exit, and start anew after a fork."""
    atexit.register(interval.flush)
    os.register_at_fork(after_in_child=interval.after_fork)
    return interval
