"""Events into runs: streamed, so that a finished run takes no more memory than its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from patternspan.aggregate.abandoned import why_abandoned
from patternspan.aggregate.timeline import notes
from patternspan.model.fold import end_of, fold_in_order, in_order, is_terminal
from patternspan.model.ids import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from patternspan.model.event import PatternEvent
    from patternspan.model.process import State
    from patternspan.model.run import PatternRun

T = TypeVar("T")

RUNNING: Final = "running"
ABANDONED: Final = "abandoned"


class RunRow(msgspec.Struct, frozen=True):
    """One run in a table."""

    pattern_run_id: str
    pattern_id: str
    job_id: str
    operation_kind: str
    status: str
    """The stored status of an ended run, else `running` or `abandoned`."""
    started_ns: int
    seconds: float
    """From start to end, or to now while it goes on."""
    note: str


def row_of(run: PatternRun, events: Sequence[PatternEvent], now_ns: int, state: State = "unknown") -> RunRow:
    """Return the table row of a run; `events` are its own, in order, and `state` is that of its process."""
    started = instant(run.started_at) if run.started_at else now_ns
    end = end_of(events)
    last = end or events[-1]
    seconds = (now_ns - started) / 1e9 if run.duration_seconds is None else run.duration_seconds
    words = notes(last, timed=False)
    if end is None:
        words = [last.event_type.removeprefix("pattern."), *words]
    return RunRow(
        run.pattern_run_id,
        run.pattern_id,
        run.job_id,
        run.operation_kind,
        shown_status(run, events, now_ns, state),
        started,
        max(0.0, seconds),
        ", ".join(words),
    )


def shown_status(run: PatternRun, events: Sequence[PatternEvent], now_ns: int, state: State = "unknown") -> str:
    """Return a run's status for people: without an end it is `running`, or `abandoned` once it cannot end any more.

    That is so when its process is gone, or its last event is older than the `timeout_seconds` of its execution and a
    margin; where neither is known, nobody can know.
    """
    if run.finished_at is not None:
        return run.status
    return RUNNING if why_abandoned(events, state, now_ns) is None else ABANDONED


class RunGroups(Generic[T]):
    """Groups a stream of events by run, and makes a `T` of each run as soon as it has ended.

    A run's events may come late, after its end. Such a run is in `reopened`: give all of its events to
    `group_whole`.
    """

    def __init__(self, make: Callable[[PatternRun, Sequence[PatternEvent]], T]) -> None:
        self._make = make
        self._open: dict[str, list[PatternEvent]] = {}
        self._ended: dict[str, T] = {}
        self.reopened: set[str] = set()

    def add(self, event: PatternEvent) -> None:
        """Take one event."""
        run_id = event.pattern_run_id
        if run_id in self._ended:
            self.reopened.add(run_id)
            return
        events = self._open.setdefault(run_id, [])
        events.append(event)
        if is_terminal(event):
            del self._open[run_id]
            self._ended[run_id] = self._fold(events)

    def results(self) -> Iterator[T]:
        """Yield what was made of each run, ended or not, but for the reopened ones."""
        for run_id, result in self._ended.items():
            if run_id not in self.reopened:
                yield result
        for events in self._open.values():
            yield self._fold(events)

    def _fold(self, events: Iterable[PatternEvent]) -> T:
        ordered = in_order(events)
        return self._make(fold_in_order(ordered), ordered)


def group_whole(events: Iterable[PatternEvent], make: Callable[[PatternRun, Sequence[PatternEvent]], T]) -> list[T]:
    """Return a `T` of each run; all events are held until the last has come."""
    groups: dict[str, list[PatternEvent]] = {}
    for event in events:
        groups.setdefault(event.pattern_run_id, []).append(event)
    ordered = [in_order(members) for members in groups.values()]
    return [make(fold_in_order(members), members) for members in ordered]
