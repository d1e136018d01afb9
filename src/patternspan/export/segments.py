"""A live log becomes a segment: renamed under a lock that is only tried, to a number that none had before."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from typing import TYPE_CHECKING, Final

from patternspan import layout
from patternspan.export.locks import tried
from patternspan.files import regular
from patternspan.model.segments import Closed, Index, Removed, read_index
from patternspan.model.wire import encode_value

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_SECONDS: Final = 3.0
"""How long after its renaming a segment is left alone: by then every running writer has noticed."""
_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def rename(log: str, is_due: Callable[[os.stat_result], bool]) -> str | None:
    """Rename a live log to its next segment and return that one's path; None where another one is at it, or has been.

    `is_due` is asked once more, under the lock. Raises OSError.
    """
    with tried(layout.lock(log)) as lock:
        if lock < 0:
            return None
        try:
            status = os.stat(log, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode) or not status.st_size or not is_due(status):
            return None
        target = layout.segment(log, next_number(log))
        os.rename(log, target)
        _note_time(lock)
        return target


def next_number(log: str) -> int:
    """Return a number that no segment of this log has or ever had."""
    folder = os.path.dirname(log)
    highest = max((layout.claimed_number(log, name) for name in os.listdir(folder or ".")), default=0)
    with contextlib.suppress(FileNotFoundError), open(layout.index(log), "rb", opener=regular) as index:
        start = os.path.basename(layout.stem(log)).encode() + b"."
        numbers = re.findall(re.escape(start) + rb"([0-9]{8,18})\.jsonl", index.read())
        highest = max(highest, max(map(int, numbers), default=0))
    return highest + 1


def _note_time(lock: int) -> None:
    """Write into the lock file when it was, by a clock that nobody sets."""
    with contextlib.suppress(OSError):
        os.pwrite(lock, f"{_boot()} {time.monotonic():020.6f}\n".encode(), 0)


def _boot() -> str:
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "unknown"


def is_settled(log: str, segment: str) -> bool:
    """Say whether the time of grace of a segment is over for certain: by the wall clock and by the steady one.

    Where it says no, a process that has itself seen the segment for `GRACE_SECONDS` knows it too.
    """
    try:
        changed = os.stat(segment, follow_symlinks=False).st_ctime
        with open(layout.lock(log), "rb", opener=regular) as file:
            boot, _, moment = file.read(200).decode("ascii", "replace").partition(" ")
        noted = float(moment)
    except (OSError, ValueError):
        return False
    wall = time.time() - changed
    steady = time.monotonic() - noted
    return wall >= GRACE_SECONDS and boot == _boot() and steady >= GRACE_SECONDS


def index_of(log: str) -> Index:
    """Return what the index of a log says; nothing where there is none."""
    try:
        with open(layout.index(log), "rb", opener=regular) as file:
            return read_index(file)
    except OSError:
        return Index({}, [])


def note(log: str, entry: Closed | Removed) -> None:
    """Append a line to the index of a log. Raises OSError."""
    descriptor = os.open(layout.index(log), _APPEND, 0o600)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        os.write(descriptor, b"\n" * torn + encode_value(entry) + b"\n")
    finally:
        os.close(descriptor)


def sync_folder(path: str) -> None:
    """Make the names in the folder of this file last. Raises OSError."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
