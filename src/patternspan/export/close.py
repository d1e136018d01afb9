"""Closing a segment: its line in the index, then its compression; nothing that a stopped writer adds is lost.

Whoever closes holds a lock on the segment itself, which ends with its process. What a process left unfinished is begun
anew by the next one: an index line that is there is believed, an unfinished `.tmp` is written over, a compressed file
beside its plain one is checked before the plain one goes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING, Final

from patternspan import layout
from patternspan.errors import LineError
from patternspan.export.line_log import LineLog
from patternspan.export.locks import tried
from patternspan.export.segments import index_of, note, sync_folder
from patternspan.files import regular
from patternspan.model.ids import timestamp
from patternspan.model.packing import SUFFIXES, packer, unpacker
from patternspan.model.segments import Closed, Index
from patternspan.model.wire import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from patternspan.model.event import PatternEvent

_CHUNK: Final = 1 << 18
_LOOKED_AT: Final = 100
"""So many lines at each end of a segment are tried for one that is an event."""
_END_BYTES: Final = 1 << 20


# Segments that do not hold what the index says: `patternspan validate` and the auditor's commands tell of them.
_refused: Final[set[str]] = set()


def segments(log: str) -> list[int]:
    """Return the numbers of the segments of a log that stand there uncompressed, the oldest first."""
    try:
        names = os.listdir(os.path.dirname(log) or ".")
    except OSError:
        return []
    numbers = {layout.segment_number(log, name) for name in names if name.endswith(".jsonl")}
    return sorted(number for number in numbers if number is not None)


def unfinished(log: str, compress: str, index: Index | None = None) -> list[int]:
    """Return the numbers of the segments that are not closed yet, or not compressed."""
    numbers = segments(log)
    if not numbers or compress != "none":
        return numbers
    closed = (index or index_of(log)).closed
    return [number for number in numbers if os.path.basename(layout.segment(log, number)) not in closed]


def finish(log: str, compress: str, is_settled: Callable[[str], bool]) -> bool:
    """Close and compress what is settled of a log's segments; say whether nothing is left to do.

    Raises OSError, and MissingExtraError where the compression is not installed.
    """
    index = index_of(log)
    left = False
    for number in unfinished(log, compress, index):
        path = layout.segment(log, number)
        if is_settled(path):
            _finish_one(log, path, compress, index)
        else:
            left = True
    return not left


def _finish_one(log: str, path: str, compress: str, index: Index) -> None:
    with tried(path, create=False) as descriptor:
        if descriptor < 0:
            return
        entry = index.closed.get(os.path.basename(path)) or index_of(log).closed.get(os.path.basename(path))
        if entry is None:
            entry = summary(path, descriptor)
            note(log, entry)
        if compress != "none" and path not in _refused:
            _compress(log, path, descriptor, entry, compress)


def summary(path: str, descriptor: int) -> Closed:
    """Return the index line of an open segment as it is now. Raises OSError."""
    size = os.fstat(descriptor).st_size
    digest, lines = hashlib.sha256(), 0
    for data in _chunks(descriptor, size):
        digest.update(data)
        lines += data.count(b"\n")
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        lines += 1
    begin = max(0, size - _END_BYTES)
    first = _event_of(os.pread(descriptor, min(size, _END_BYTES), 0).split(b"\n", _LOOKED_AT)[:_LOOKED_AT])
    last = _event_of(reversed(os.pread(descriptor, size - begin, begin).rsplit(b"\n", _LOOKED_AT)[1:]))
    last = last or first
    return Closed(
        segment=os.path.basename(path),
        lines=lines,
        bytes=size,
        first_event_id=first.event_id if first else None,
        first_timestamp=first.timestamp if first else None,
        last_event_id=last.event_id if last else None,
        last_timestamp=last.timestamp if last else None,
        sha256=digest.hexdigest(),
        closed_at=timestamp(time.time_ns()),
    )


def _chunks(descriptor: int, size: int) -> Iterator[bytes]:
    at = 0
    while at < size:
        data = os.pread(descriptor, min(_CHUNK, size - at), at)
        if not data:
            return
        at += len(data)
        yield data


def _event_of(lines: Iterable[bytes]) -> PatternEvent | None:
    for line in lines:
        with contextlib.suppress(LineError):
            return decode(line)
    return None


def _compress(log: str, path: str, descriptor: int, entry: Closed, compress: str) -> None:
    """Put a compressed file in the place of a closed segment, once it is certain to hold the same."""
    target = path + SUFFIXES[compress]
    if not _holds(target, compress, entry):
        if not _write(target + ".tmp", descriptor, compress, entry):
            _refused.add(path)
            return
        os.rename(target + ".tmp", target)
        sync_folder(target)
    # A line that came late stands in this file alone until its writer wakes up, and its writer may be killed.
    late = _start_of_line(descriptor, entry.bytes)
    late = _rescue(log, descriptor, late)
    os.unlink(path)
    _rescue(log, descriptor, late)


def _write(path: str, descriptor: int, compress: str, entry: Closed) -> bool:
    """Write the compressed file and read it again; say whether it holds what the index says of the segment."""
    status = os.fstat(descriptor)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(file, status.st_mode & 0o777)
        made = packer(compress)
        with open(file, "wb", closefd=False) as out:
            out.writelines(made.compress(data) for data in _chunks(descriptor, entry.bytes))
            out.write(made.flush())
        # Retention and readers see how old its events are.
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(file)
    finally:
        os.close(file)
    if _holds(path, compress, entry):
        return True
    os.unlink(path)
    return False


def _holds(path: str, compress: str, entry: Closed) -> bool:
    """Say whether a compressed file is there and holds what the index says."""
    digest, unpack = hashlib.sha256(), unpacker(compress)
    try:
        file = regular(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        for data in _chunks(file, os.fstat(file).st_size):
            digest.update(unpack.decompress(data))
    except Exception:  # noqa: BLE001 - each compression has errors of its own; damaged is damaged
        return False
    finally:
        os.close(file)
    return digest.hexdigest() == entry.sha256


def _start_of_line(descriptor: int, at: int) -> int:
    """Return where the line begins that goes on, or begins, at this offset."""
    while at > 0:
        begin = max(0, at - _CHUNK)
        found = os.pread(descriptor, at - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        at = begin
    return 0


def _rescue(log: str, descriptor: int, start: int) -> int:
    """Append the whole lines behind an offset to the live log; return where they end."""
    size = os.fstat(descriptor).st_size
    if size <= start:
        return start
    data = os.pread(descriptor, size - start, start)
    whole = data[: data.rfind(b"\n") + 1]
    live = LineLog(log)
    try:
        for line in whole.split(b"\n")[:-1]:
            live.append(line + b"\n")
    finally:
        live.close()
    return start + len(whole)
