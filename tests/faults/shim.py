"""Orders to `shim.c`: faults of the disk and of the clock that begin and end while a process runs."""

from __future__ import annotations

import errno
import mmap
import os
import struct
from pathlib import Path

# The same list as in shim.c.
MEMBERS = (
    "write_errno", "write_short", "write_delay", "sync_errno", "sync_delay", "open_errno", "rename_errno", "every",
    "clock_offset", "writes", "syncs", "opens", "renames", "faults",
)  # fmt: skip
SIZE = 8


class Shim:
    """Faults for the processes that are started with its `variables`; times are in microseconds and seconds."""

    def __init__(self, library: Path, control: Path, prefix: Path) -> None:
        control.write_bytes(bytes(len(MEMBERS) * SIZE))
        with open(control, "r+b") as file:
            self._room = mmap.mmap(file.fileno(), 0)
        self.variables = {
            "LD_PRELOAD": str(library),
            "SHIM_CONTROL": str(control),
            "SHIM_PREFIX": os.path.realpath(prefix),
        }

    def __getitem__(self, member: str) -> int:
        """Return an order, or how often a call came."""
        number: int = struct.unpack_from("q", self._room, MEMBERS.index(member) * SIZE)[0]
        return number

    def begin(self, **orders: int | str) -> None:
        """Let faults begin; an errno may be given by its name."""
        for member, value in orders.items():
            number = getattr(errno, value) if isinstance(value, str) else value
            struct.pack_into("q", self._room, MEMBERS.index(member) * SIZE, number)

    def end(self) -> None:
        """Let all faults end."""
        self.begin(**dict.fromkeys(MEMBERS[: MEMBERS.index("clock_offset")], 0))
