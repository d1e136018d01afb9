"""Logs as files."""

from __future__ import annotations

import json
from pathlib import Path

from patternspan import PatternEvent


def events_in(path: Path) -> list[PatternEvent]:
    """Return the events of a log; every line of it must be one."""
    from patternspan.model.wire import decode

    if not path.exists():
        return []
    text = path.read_bytes()
    assert text.endswith(b"\n")
    lines = text[:-1].split(b"\n")
    assert all(isinstance(json.loads(line), dict) for line in lines)
    return [decode(line) for line in lines]
