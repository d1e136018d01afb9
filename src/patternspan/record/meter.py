"""What metrics are made of, taken while runs go: one tuple a run, and nothing computed in the executor's thread.

A measurement made at once through OpenTelemetry costs more than all else that is recorded of a short run, and takes
locks that a signal handler would wait for. So a run's figures go into a queue, and `export/metrics.py` puts them
into the instruments, in the thread that collects or in one that is started when many wait.

They are taken also where nobody wants them so far: an application may set its MeterProvider after its first runs, and
those that still wait then are measured too.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from opentelemetry.trace import SpanContext

from patternspan.record import guard

_ENOUGH: Final = 2048
"""Runs that wait before a thread is started for them."""
_MOST: Final = 65_536
"""Runs that may wait; the oldest are given up beyond."""


Key = tuple[str, str, str | None, int, str, str | None]
"""What the labels of an ended run are made of: pattern id, operation kind, version, attempt (0 where attempts are not
counted), result, and type of the error where it failed."""

Ended = tuple[Key, int | None, int, int, list[Any] | None, SpanContext]
"""The figures of an ended run: its key, its findings, nanoseconds of the run and of its execution (0 where it did not
come to that), the phases before, each as its span's name and then its nanoseconds, and its span. Plain tuples and a
flat list: the garbage collector looks at each object more, and these are made for every run."""


class Meter:
    """The runs that are open now, and the figures of those that have ended. One per process (`meter` below).

    No lock: each step on a dict or a deque is whole by itself, also for threads and for signal handlers.
    """

    def __init__(self) -> None:
        self.open_runs: dict[str, tuple[str, str]] = {}
        """Pattern id and operation kind of each open run, by its own id."""
        self.ended: deque[Ended] = deque(maxlen=_MOST)
        self.consume: Callable[[], None] | None = None
        """Takes what has ended into the instruments; None where nobody wants metrics so far."""
        self.prepare: Callable[[], bool] | None = None
        """Called by the first run of a process, also a forked one, and the next while it says that it is too soon."""
        self.consuming = threading.Lock()
        """Held by the one that consumes."""
        self._prepared = False
        self._busy = False

    def began(self, run_id: str, pattern_id: str, operation_kind: str) -> None:
        """Hear that a run has begun, or that another pattern was chosen for it."""
        self.open_runs[run_id] = (pattern_id, operation_kind)
        if not self._prepared:
            self._prepare()

    def finished(self, run_id: str, figures: Ended) -> None:
        """Hear that a run has ended."""
        self.open_runs.pop(run_id, None)
        ended = self.ended
        ended.append(figures)
        if len(ended) >= _ENOUGH and not self._busy:
            self._relieve()

    def take(self) -> Iterator[Ended]:
        """Take the figures of the runs that have ended so far."""
        with contextlib.suppress(IndexError):  # where they were cleared meanwhile
            for _ in range(len(self.ended)):
                yield self.ended.popleft()

    def _relieve(self) -> None:
        if self.consume is None:
            self.ended.clear()
            return
        self._busy = True
        try:
            _thread.start_new_thread(self._work, ())
        except RuntimeError:
            self._busy = False  # the interpreter is ending: who flushes the metrics takes what is left

    def _prepare(self) -> None:
        self._prepared = True
        try:
            self._prepared = self.prepare is None or self.prepare()
        except Exception as error:  # noqa: BLE001
            guard.fault("metrics", error)

    def _work(self) -> None:
        try:
            if self.consume is not None:
                self.consume()
        except Exception as error:  # noqa: BLE001
            guard.fault("metrics", error)
        finally:
            self._busy = False

    def after_fork(self) -> None:
        """Forget the runs of the parent, which counts them itself."""
        self.open_runs = {}
        self.ended = deque(maxlen=_MOST)
        self.consuming = threading.Lock()
        self._prepared = self._busy = False


def findings_in(details: Mapping[str, Any]) -> int | None:
    """Return how many findings the result summary in an event's details tells of: a number, or a list of them."""
    summary = details.get("result_summary")
    if not summary:
        return None
    found = summary.get("finding_count")
    if found is None:
        found = summary.get("findings")
    if isinstance(found, list):
        return len(found)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


meter: Final = Meter()
"""The process's meter; `hub.meter` is this where metrics are on."""

os.register_at_fork(after_in_child=meter.after_fork)
