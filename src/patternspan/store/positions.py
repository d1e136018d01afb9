"""How far each file of a log was read, whatever it is called by now.

A file is known by its first line, which holds the id of an event and stays what it is when the file is renamed or
compressed. The bytes before the place that was reached say whether it was emptied and filled again; then it is read
from its beginning, which changes nothing for events that are there already. `stamp` is what the system said of the file
when all of it was read: while it says the same, the file need not be opened.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from patternspan import procfs
from patternspan.store.bulk import upsert
from patternspan.store.tables import POSITIONS

FIRST_BYTES: Final = 4096
TAIL_BYTES: Final = 64


class Place(msgspec.Struct, frozen=True):
    """A place in a file of a log."""

    log: str
    file: str
    """Hexadecimal digits that stand for its first line."""
    offset: int = 0
    """In its text, uncompressed: behind the last whole line that was read."""
    tail: bytes = b""
    """The bytes before the offset."""
    stamp: str = ""
    """Empty until all of it was read."""


def log_name(log: str) -> str:
    """Return the name of a log among those of all hosts."""
    return f"{procfs.host()}:{os.path.abspath(log)}"


def stamp_of(status: os.stat_result) -> str:
    """Return what changes whenever a file does."""
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"


def identity(first: bytes) -> str:
    """Return what a file is known by, from its first `FIRST_BYTES`; empty while its first line is not whole."""
    line, newline, _ = first.partition(b"\n")
    if not newline and len(first) < FIRST_BYTES:
        return ""
    return hashlib.sha256(line).hexdigest()[:32]


def read_places(connection: Connection, log: str) -> dict[str, Place]:
    """Return the places of a log by `file`."""
    rows = connection.execute(select(POSITIONS).where(POSITIONS.c.log == log))
    return {row.file: Place(*row) for row in rows}


def read_place(connection: Connection, log: str, file: str) -> Place | None:
    """Return the place in one file of a log; None where nothing of it was read."""
    wanted = select(POSITIONS).where(POSITIONS.c.log == log, POSITIONS.c.file == file)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else Place(*row)


def logs_of(connection: Connection) -> list[str]:
    """Return the names of all logs of which something was read."""
    return list(connection.execute(select(POSITIONS.c.log).distinct().order_by(POSITIONS.c.log)).scalars())


def write_place(connection: Connection, place: Place) -> None:
    """Write a place down."""
    upsert(connection, POSITIONS, [msgspec.structs.astuple(place)])
