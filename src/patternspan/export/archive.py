"""The archived run: one JSON object in a file of its own, written when the run ends."""

from __future__ import annotations

import os
from collections.abc import Sequence

from patternspan.files import PRIVATE, Modes, open_folder, write_new
from patternspan.layout import run_archive
from patternspan.model.event import PatternEvent
from patternspan.model.fold import fold_in_order
from patternspan.model.wire import encode_value


class RunArchive:
    """Writes ended runs below `pattern_runs/<YYYY-MM>/`. A folded run can always be made again from the log."""

    def __init__(self, root: str, modes: Modes = PRIVATE) -> None:
        self.root = os.path.abspath(root)
        self._modes = modes

    def __call__(self, events: Sequence[PatternEvent]) -> None:
        """Write the run that these events, in order, fold into. Raises OSError."""
        run = fold_in_order(events)
        path = run_archive(self.root, run.pattern_run_id, run.started_at or events[0].timestamp)
        months, month = os.path.split(os.path.dirname(path))
        folder = open_folder(months, (month,), self._modes.folder)
        try:
            write_new(folder, os.path.basename(path), encode_value(run) + b"\n", self._modes.file)
        finally:
            os.close(folder)
