"""The archived run: one JSON object in a file of its own, written when the run ends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from patternspan.layout import run_archive
from patternspan.model.event import PatternEvent
from patternspan.model.fold import fold_in_order
from patternspan.model.wire import encode_value

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class RunArchive:
    """Writes ended runs below `pattern_runs/<YYYY-MM>/`. A folded run can always be made again from the log."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)

    def __call__(self, events: Sequence[PatternEvent]) -> None:
        """Write the run that these events, in order, fold into. Raises OSError."""
        run = fold_in_order(events)
        path = run_archive(self.root, run.pattern_run_id, run.started_at or events[0].timestamp)
        data = encode_value(run) + b"\n"
        try:
            fd = os.open(path, _NEW, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            fd = os.open(path, _NEW, 0o600)
        except FileExistsError:
            # Truncating makes ext4 allocate blocks at close, which a new file need not wait for.
            fd = os.open(path, _NEW & ~os.O_EXCL | os.O_TRUNC, 0o600)
        try:
            if os.write(fd, data) != len(data):
                os.unlink(path)
                raise OSError(f"{path}: the archived run could not be written whole; its events are in the log")
        finally:
            os.close(fd)
