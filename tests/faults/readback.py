"""What the package's own reader makes of a folder of logs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from patternspan import PatternEvent
from patternspan.layout import global_log
from patternspan.log.locate import with_rotated
from patternspan.log.reader import BadLine, read_all


class Found(NamedTuple):
    """Events in the order in which they are read, and what could not be read."""

    events: list[PatternEvent]
    bad: list[str]

    @property
    def ids(self) -> list[str]:
        return [event.event_id for event in self.events]


def read(root: str | os.PathLike[str], log: str | None = None) -> Found:
    """Return what a reader finds below a root."""
    events: dict[str, PatternEvent] = {}
    bad: list[str] = []
    for path in with_rotated(log or global_log(os.fspath(root))):
        if not Path(path).exists():
            continue
        for item in read_all(path):
            if isinstance(item, BadLine):
                bad.append(str(item))
            else:
                events.setdefault(item.event.event_id, item.event)
    return Found(list(events.values()), bad)
