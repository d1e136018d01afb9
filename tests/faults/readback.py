"""What the package's own reader makes of a folder of logs."""

from __future__ import annotations

import os
from typing import NamedTuple

from patternspan import PatternEvent, read_events


class Found(NamedTuple):
    """Events in the order in which they are read, and what could not be read."""

    events: list[PatternEvent]
    bad: list[str]

    @property
    def ids(self) -> list[str]:
        return [event.event_id for event in self.events]


def read(root: str | os.PathLike[str]) -> Found:
    """Return what a reader finds below a root, in a folder of logs or in a file."""
    bad: list[str] = []
    if not os.path.exists(root):  # a power loss may leave no root
        return Found([], [])
    events = list(read_events(root, on_problem=lambda line: bad.append(f"{line.path}:{line.number}: {line.reason}")))
    return Found(events, bad)
