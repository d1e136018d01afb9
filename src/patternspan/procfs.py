"""What the system says of its processes: enough to tell one from another that has its number later.

Where there is no /proc, all but the host's name is unknown.
"""

from __future__ import annotations

import os
from typing import Final

GONE: Final = frozenset("ZXx")
"""States of a process that will never run again: a zombie waits for its parent only."""


def host() -> str:
    """Return the name of this host, or of the container."""
    return os.uname().nodename


def boot() -> str:
    """Return eight hexadecimal digits that no other start of this host has; empty where unknown."""
    return _read("/proc/sys/kernel/random/boot_id")[:8]


def namespace() -> int | None:
    """Return the number of the PID namespace: the same process number means another process in another one."""
    try:
        return int(os.readlink("/proc/self/ns/pid").partition("[")[2].rstrip("]"))
    except (OSError, ValueError):
        return None


def start_ticks(pid: int | str = "self") -> str:
    """Return when a process began, in ticks since the system's start; empty where it is gone or nothing is known."""
    # The name in the second field may hold anything, blanks and brackets too.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in GONE:
        return ""
    return fields[19]


def is_there(pid: int) -> bool:
    """Say whether any process has this number, a zombie too."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it is another user's
    return True


def is_shown(pid: int) -> bool:
    """Say whether /proc shows this process at all: it may hide those of other users."""
    return os.path.exists(f"/proc/{pid}/stat")


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode("ascii", "replace").strip()
    except OSError:
        return ""
