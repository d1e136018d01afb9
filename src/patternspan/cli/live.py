"""A run that is still going: drawn again as it changes on a terminal, elsewhere its events as they come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from patternspan.aggregate.abandoned import why_abandoned
from patternspan.log.follow import follow
from patternspan.log.processes import Processes
from patternspan.log.reader import LogLine
from patternspan.model.fold import in_order, is_terminal
from patternspan.model.process import process_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from patternspan.cli.events import Writer
    from patternspan.cli.screen import Screen
    from patternspan.log.follow import Position
    from patternspan.model.event import PatternEvent


_LOOKS: Final = 5
"""How often the log is looked at until the run's process is."""


class Canvas:
    """Lines at the bottom of a terminal that take the place of those drawn before."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._drawn: list[str] = []
        self._rows = 0

    def draw(self, lines: Iterable[str]) -> None:
        """Draw these lines, as many as fit, in place of the last ones."""
        fitting: list[str] = []
        rows = 0
        for line in lines:
            rows += self._screen.rows(line)
            if rows >= self._screen.lines:
                rows -= self._screen.rows(line)
                break
            fitting.append(line)
        if fitting == self._drawn:
            return
        self.clear()
        for line in fitting:
            self._screen.line(line)
        self._screen.flush()
        self._drawn, self._rows = fitting, rows

    def clear(self) -> None:
        """Take away what was drawn."""
        if self._rows:
            self._screen.control(f"\x1b[{self._rows}F\x1b[J")
        self._drawn, self._rows = [], 0


def _is_abandoned(events: Sequence[PatternEvent]) -> bool:
    state = Processes().state(process_of(events))
    return why_abandoned(events, state, time.time_ns()) is not None


def watch(
    path: str,
    start: Position | None,
    events: list[PatternEvent],
    screen: Screen,
    writer: Writer,
    draw: Callable[[Sequence[PatternEvent]], Iterable[str]],
) -> list[PatternEvent]:
    """Show a run until it ends or cannot end any more, and return its events; `start` is where the known ones end."""
    run_id = events[0].pattern_run_id
    canvas = Canvas(screen)

    looks = 0
    gone = False

    def ended() -> bool:
        nonlocal looks, gone
        if any(map(is_terminal, events)):
            return True
        looks += 1
        if looks % _LOOKS:
            return False
        # Only at the second look: at the first its last words may not have been read yet.
        before, gone = gone, _is_abandoned(in_order(events))
        return before and gone

    def redraw_and_sleep(seconds: float) -> None:
        if screen.live:
            canvas.draw(draw(in_order(events)))
        time.sleep(seconds)

    for item in follow(path, start, stop=ended, sleep=redraw_and_sleep):
        if isinstance(item, LogLine) and item.event.pattern_run_id == run_id:
            events.append(item.event)
            if not screen.live:
                writer.event(item.event)
                screen.flush()
    canvas.clear()
    return in_order(events)
