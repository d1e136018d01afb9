"""The store kept up to date with the log, and those who wait for events told that there are more."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool

from patternspan.errors import PatternspanError
from patternspan.layout import global_log, store_file
from patternspan.model.event import PatternEvent
from patternspan.model.wire import encode
from patternspan.store import Store

_PAUSE_SECONDS: Final = 0.05
"""Between two looks at the log's live file."""
_WHOLE_SECONDS: Final = 1.0
"""Between two looks at everything: older parts of the log, and what other hosts put into the store."""
_AWAY_SECONDS: Final = 2.0
"""Until a store that could not be used is tried again."""
_KEPT: Final = 4096
"""The newest events, which are told from memory."""
_BATCH: Final = 512
BEAT_SECONDS: Final = 15.0
"""Longest silence of a stream."""

Stamp = tuple[int, int, int] | None


class Told(NamedTuple):
    """One event as it goes to a browser."""

    seq: int
    event_id: str
    job_id: str
    line: bytes


class Feed:
    """One store and one log, for any number of questions and streams.

    Nobody who listens is waited for: a stream asks for what is behind its own place when it has sent what it had. The
    newest events come from memory, older ones from the store. Raises StoreError where the store cannot be used.
    """

    def __init__(self, root: str | os.PathLike[str] = "state", store: str = "") -> None:
        self.root = os.path.abspath(os.fspath(root))
        self.log = global_log(self.root)
        self.store = Store(store or store_file(self.root))
        self.error = ""
        """Why the store could not be brought up to date; empty where it could."""
        self.listeners = 0
        self.seq = 0
        """The number of the newest event."""
        self._has_begun = False
        self._stamp: Stamp = None
        self._whole_at = 0.0
        self._kept: deque[Told] = deque(maxlen=_KEPT)
        self._working = threading.Lock()
        self._waiting_lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.has_started = False
        self._starting = threading.Lock()

    @property
    def is_over(self) -> bool:
        """Whether it was closed."""
        return self._over.is_set()

    def start(self) -> None:
        """Take in what is there, and go on in a thread until `close`; once, however often it is called."""
        with self._starting:
            if self.has_started:
                return
            self.refresh()
            self.has_started = True
        self._thread = threading.Thread(target=self._run, name="patternspan-feed", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End every stream, and take in nothing more."""
        self._over.set()
        self._wake()

    def close(self) -> None:
        """End the thread and every stream, and close the store."""
        self.end()
        if self._thread is not None:
            self._thread.join(5)
        self.store.close()

    def _run(self) -> None:
        while not self._over.wait(_AWAY_SECONDS if self.error else _PAUSE_SECONDS):
            if self._has_changed() or time.monotonic() - self._whole_at > _WHOLE_SECONDS:
                self.refresh()

    def _look(self) -> Stamp:
        try:
            status = os.stat(self.log)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _has_changed(self) -> bool:
        return self._look() != self._stamp

    async def fresh(self) -> None:
        """Return when all that stands in the log by now is in the store."""
        if self._has_changed() and not self.error:
            await run_in_threadpool(self.refresh)

    def refresh(self) -> None:
        """Take in what is new. What stands in the way is noted in `error`, and tried again later."""
        with self._working:
            stamp = self._look()
            try:
                self.store.ingest(self.log)
                self._remember()
            except (PatternspanError, OSError) as error:
                self.error = str(error)
                return
            self.error = ""
            self._stamp = stamp
            self._whole_at = time.monotonic()

    def _remember(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self.seq = self.store.last_seq()
            return
        before = self.seq
        while True:
            found = self.store.events_after(self.seq, _BATCH)
            self._kept.extend(told(seq, event) for seq, event in found)
            if found:
                self.seq = found[-1][0]
            if len(found) < _BATCH:
                break
        if self.seq != before:
            self._wake()
        elif self.store.last_seq() < self.seq:  # it was made anew, and numbered anew
            self._kept.clear()
            self.seq = self.store.last_seq()

    def _wake(self) -> None:
        with self._waiting_lock:
            waiting, self._waiting = self._waiting, set()
        for loop, event in waiting:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # that loop is closed
                continue

    async def place_of(self, event_id: str) -> int | None:
        """Return the number of an event, for a stream to go on behind; None where it is not there."""
        for item in reversed(self._kept):
            if item.event_id == event_id:
                return item.seq
        return await run_in_threadpool(self.store.seq_of, event_id)

    async def after(self, seq: int, job_id: str | None) -> tuple[list[Told], int]:
        """Return some events behind a number, of a job or all, and the number to ask with next."""
        newest = self.seq
        kept = list(self._kept)
        if seq >= newest:
            return [], seq
        if kept and kept[0].seq <= seq + 1:
            found = [item for item in kept if item.seq > seq][:_BATCH]
            upto = found[-1].seq if found else seq
            return [item for item in found if job_id is None or item.job_id == job_id], upto
        rows = await run_in_threadpool(self.store.events_after, seq, _BATCH, job_id)
        upto = rows[-1][0] if len(rows) == _BATCH else max(newest, rows[-1][0] if rows else 0)
        return [told(*row) for row in rows if job_id is None or row[1].job_id == job_id], upto

    async def stream(self, seq: int, job_id: str | None = None) -> AsyncIterator[Told | None]:
        """Yield events behind a number as they come, each once; None after a silence, and at the end of the feed."""
        self.listeners += 1
        try:
            while not self._over.is_set():
                entry = asyncio.get_running_loop(), asyncio.Event()
                with self._waiting_lock:
                    self._waiting.add(entry)
                some, seq = await self.after(seq, job_id)
                for item in some:
                    yield item
                if some or seq < self.seq:
                    self._forget(entry)
                    continue
                try:
                    await asyncio.wait_for(entry[1].wait(), BEAT_SECONDS)
                except TimeoutError:
                    yield None
                finally:
                    self._forget(entry)
        finally:
            self.listeners -= 1

    def _forget(self, entry: tuple[asyncio.AbstractEventLoop, asyncio.Event]) -> None:
        with self._waiting_lock:
            self._waiting.discard(entry)


def told(seq: int, event: PatternEvent) -> Told:
    """Return an event as it goes to a browser: its line as the specification has it."""
    return Told(seq, event.event_id, event.job_id, encode(event))
