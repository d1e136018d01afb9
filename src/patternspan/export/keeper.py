"""What happens to segments in the background: they are closed, compressed and, when it is their time, removed.

One thread a process, begun when it is first needed. It owns nothing that another process could not take up: where the
process ends, the thread ends with it, and the next process that rotates goes on. It is told what to do through a queue
that a signal handler may use, and nobody ever waits for it.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from patternspan.export.segments import GRACE_SECONDS, is_settled
from patternspan.record.guard import fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from patternspan.export.rotate import Rotation

_KEEP_SECONDS: Final = 60.0
"""How often old files are looked for where nothing is rotated."""
_JUMP_SECONDS: Final = 3600.0


def _clock_offset() -> float:
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class _Hooks:
    """What else is done in the background; one for all keepers, so that a forked child has it too."""

    when_closed: Callable[[str], None] | None = None
    """Hears the path of a log all of whose segments are closed."""


hooks: Final = _Hooks()


class Keeper:
    """The background work of one process."""

    def __init__(self) -> None:
        self._told: SimpleQueue[tuple[str, Rotation]] = SimpleQueue()
        self._watched: set[Rotation] = set()
        self._starting = threading.Lock()
        self._running = False
        self._swept: set[str] = set()
        """Roots in which what dead processes left unfinished was looked for."""
        self._offset = _clock_offset()

    def look_after(self, log: str, rotation: Rotation) -> None:
        """Close what was rotated of this log, when it is time, and remove what is too much."""
        self._told.put((log, rotation))
        self._start()

    def watch(self, rotation: Rotation) -> None:
        """Remove what is too old or too much from now on."""
        if rotation not in self._watched:
            self._watched.add(rotation)
            self._told.put(("", rotation))
            self._start()

    def _start(self) -> None:
        if self._running or not self._starting.acquire(False):
            return
        try:
            if not self._running:
                # No `threading.Thread`: its start waits, takes locks, and the interpreter would join it at exit.
                _thread.start_new_thread(self._run, ())
                self._running = True
        except RuntimeError:
            return  # the interpreter is ending
        finally:
            self._starting.release()

    def _run(self) -> None:
        waiting: dict[str, Rotation] = {}
        keeping: dict[str, tuple[Rotation, float]] = {}
        seen: dict[str, float] = {}
        while True:
            self._take(waiting, keeping, _next(bool(waiting), keeping))
            # Removing first: it is quick, and what goes need not be compressed.
            for root, (rotation, when) in list(keeping.items()):
                if time.monotonic() >= when:
                    begin = time.monotonic()
                    self._retain(rotation)
                    pause = max(_KEEP_SECONDS, 20 * (time.monotonic() - begin))
                    keeping[root] = (rotation, time.monotonic() + pause)
            for log, rotation in list(waiting.items()):
                if self._finish(log, rotation, seen):
                    del waiting[log]
                    _tell_closed(log)
                    _add_root(keeping, rotation)

    def _take(
        self, waiting: dict[str, Rotation], keeping: dict[str, tuple[Rotation, float]], timeout: float | None
    ) -> None:
        """Wait for something to do, and take all that there is."""
        with contextlib.suppress(Empty):
            log, rotation = self._told.get(timeout=timeout)
            while True:
                if log:
                    waiting[log] = rotation
                if rotation.root not in self._swept:
                    from patternspan.export.retain import logs_below

                    self._swept.add(rotation.root)
                    waiting.update(dict.fromkeys(logs_below(rotation.root), rotation))
                _add_root(keeping, rotation)
                log, rotation = self._told.get_nowait()

    def _finish(self, log: str, rotation: Rotation, seen: dict[str, float]) -> bool:
        from patternspan.export.close import finish

        def settled(segment: str) -> bool:
            first = seen.setdefault(segment, time.monotonic())
            if time.monotonic() - first < GRACE_SECONDS and not is_settled(log, segment):
                return False
            seen.pop(segment, None)
            return True

        try:
            return finish(log, rotation.compress, settled)
        except FileNotFoundError:
            return True  # removed meanwhile
        except Exception as error:  # noqa: BLE001 - a disk, a compression: said once, and tried at the next rotation
            _report("closing a segment", error)
            return True

    def _retain(self, rotation: Rotation) -> None:
        from patternspan.export.retain import due, remove, stock

        # A clock that was set by a year would make everything a year older at once.
        days = rotation.keep_days if abs(_clock_offset() - self._offset) < _JUMP_SECONDS else 0
        try:
            found = stock(rotation.root)
            most = room_for(rotation.keep_bytes, rotation.max_bytes)
            remove(rotation.root, due(found, days, most, time.time_ns()), rotation.max_bytes)
        except Exception as error:  # noqa: BLE001
            _report("removing old segments", error)

    def after_fork(self) -> None:
        """Start anew in a forked child, which has no such thread."""
        self.__init__()  # type: ignore[misc]


def room_for(keep_bytes: int, segment_bytes: int) -> int:
    """Return to what size all is brought down: a segment below the cap, because job logs grow between two looks."""
    if not keep_bytes:
        return 0
    return max(1, keep_bytes - min(segment_bytes, keep_bytes // 2))


def _add_root(keeping: dict[str, tuple[Rotation, float]], rotation: Rotation) -> None:
    if rotation.keeps():
        keeping[rotation.root] = (rotation, 0.0)


def _next(busy: bool, keeping: dict[str, tuple[Rotation, float]]) -> float | None:
    if busy:
        return GRACE_SECONDS / 10
    if not keeping:
        return None
    return max(0.01, min(when for _, when in keeping.values()) - time.monotonic())


def _tell_closed(log: str) -> None:
    if hooks.when_closed is not None:
        try:
            hooks.when_closed(log)
        except Exception as error:  # noqa: BLE001
            _report("sealing a segment", error)


def _report(place: str, error: Exception) -> None:
    with contextlib.suppress(Exception):
        fault(place, error)


_keeper: Final = Keeper()
look_after: Final = _keeper.look_after
watch: Final = _keeper.watch
os.register_at_fork(after_in_child=_keeper.after_fork)
