"""Rotation: the live log is renamed to a numbered segment, and the next writer begins a new one.

Any number of processes may try at once. Who gets the lock looks again whether the log is still due, and renames it; who
does not get it goes on writing. A writer that has not noticed yet writes on into the renamed file for a second at most,
which is why a segment is not closed before its time of grace is over (`close.py`).
"""

from __future__ import annotations

import os
import re
import time
from typing import Final

import msgspec

from patternspan import layout
from patternspan.config import Config
from patternspan.export import keeper
from patternspan.export.segments import rename
from patternspan.model.ids import instant, is_timestamp

_FIRST_BYTES: Final = 8192
_TIMESTAMP: Final = re.compile(rb'"timestamp":\s*"([^"]{20,40})"')


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """When a log is rotated, and what becomes of its segments. Zero means never, or no limit."""

    max_bytes: int = 0
    max_seconds: float = 0
    compress: str = "none"
    """`none`, `gzip` or `zstd`."""
    keep_days: int = 0
    keep_bytes: int = 0
    root: str
    """Below which the logs stand, and all else that is kept or removed."""

    def keeps(self) -> bool:
        """Say whether anything is ever removed."""
        return bool(self.keep_days or self.keep_bytes)

    def turn(self, log: str, descriptor: int) -> bool:
        """Rotate the open log where it is due, and say whether it is live no longer. Raises nothing."""
        if self.keeps():
            keeper.watch(self)
        try:
            if not self._is_due(log, os.fstat(descriptor), descriptor):
                return False
            rotated = rename(log, lambda status: self._is_due(log, status, descriptor))
        except OSError:
            return False
        if rotated:
            keeper.look_after(log, self)
        return rotated is not None

    def _is_due(self, log: str, status: os.stat_result, descriptor: int) -> bool:
        """Say whether an open log of this status is to be rotated."""
        here = os.fstat(descriptor)
        if (here.st_ino, here.st_dev) != (status.st_ino, status.st_dev) or not here.st_size:
            return False
        if 0 < self.max_bytes <= status.st_size:
            return True
        if not self.max_seconds:
            return False
        return time.time_ns() - _began_ns(log, descriptor, status) >= self.max_seconds * 1_000_000_000


def _began_ns(log: str, descriptor: int, status: os.stat_result) -> int:
    """Return the time of the first event of an open log; that of its last change where it has none.

    A log cannot be older than the last rotation, though its first event may be, where old events are brought in.
    """
    found = _TIMESTAMP.search(os.pread(descriptor, _FIRST_BYTES, 0))
    text = found[1].decode(errors="replace") if found is not None else ""
    began = instant(text) if is_timestamp(text) else status.st_mtime_ns
    try:
        lock = os.stat(layout.lock(log))
    except FileNotFoundError:
        return began
    return max(began, lock.st_mtime_ns) if lock.st_size else began  # empty: nobody has rotated yet


def policy_of(settings: Config) -> Rotation:
    """Return what the configuration says. Raises MissingExtraError where its compression is not installed."""
    if settings.compress == "zstd":
        from patternspan.model.packing import zstd

        zstd()
    return Rotation(
        max_bytes=settings.rotate_bytes,
        max_seconds=settings.rotate_hours * 3600,
        compress=settings.compress,
        keep_days=settings.keep_days,
        keep_bytes=settings.keep_bytes,
        root=os.path.abspath(settings.root),
    )


def rotation_of(settings: Config) -> Rotation | None:
    """Return the same for writers; None where there is nothing for them to do."""
    rotation = policy_of(settings)
    return rotation if rotation.max_bytes or rotation.max_seconds or rotation.keeps() else None
