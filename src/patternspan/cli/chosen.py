"""Runs that a filter asks for, whole, out of the log, in memory that the number of runs decides and not their size.

The log is read twice: once to know which runs are asked for and how many events they have, then for the events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patternspan.aggregate.facts import facts_of
from patternspan.cli.runs import gather
from patternspan.errors import ConfigError
from patternspan.log.reader import STDIN, BadLine, LogLine
from patternspan.log.search import Query, find_in
from patternspan.model.fold import in_order

if TYPE_CHECKING:
    from patternspan.aggregate.filter import Filter
    from patternspan.cli.screen import Screen
    from patternspan.model.event import PatternEvent
    from patternspan.model.run import PatternRun


class Chosen:
    """The runs of some logs that are asked for. Raises ConfigError for standard input, which is read once only."""

    def __init__(self, paths: Sequence[str], asked: Filter, screen: Screen) -> None:
        if STDIN in paths:
            raise ConfigError("-: the log is read twice, so standard input will not do: name a file")

        def counted(run: PatternRun, events: Sequence[PatternEvent]) -> tuple[str, int] | None:
            return (run.pattern_run_id, len(events)) if asked.matches(facts_of(run, events)) else None

        self._paths = paths
        found = (one for one in gather(paths, asked, screen, counted) if one is not None)
        self._counts = dict(found)
        """Events by run."""

    def __len__(self) -> int:
        """Return how many runs there are."""
        return len(self._counts)

    def lines(self) -> Iterator[LogLine]:
        """Yield their lines, in the order of the log."""
        for item in find_in(self._paths, Query()):
            if not isinstance(item, BadLine) and item.event.pattern_run_id in self._counts:
                yield item

    def runs(self) -> Iterator[list[PatternEvent]]:
        """Yield the events of each run, in order, as soon as the last of them was read."""
        left = dict(self._counts)
        groups: dict[str, list[PatternEvent]] = {}
        for line in self.lines():
            run_id = line.event.pattern_run_id
            if run_id not in left:
                continue  # it came while the log was read for the second time
            events = groups.setdefault(run_id, [])
            events.append(line.event)
            if len(events) == left[run_id]:
                del left[run_id], groups[run_id]
                yield in_order(events)
