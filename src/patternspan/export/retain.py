"""What is kept: old segments, job logs, archived runs and tool output go, the oldest first, by age and by total size.

The live log of all events stays. What goes is written into the index before it goes, so that a gap in the log is never
a riddle. Folders are opened one below the other and never through a link; what is removed is removed inside them.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import TYPE_CHECKING, Final

import msgspec

from patternspan import layout
from patternspan.export.locks import tried
from patternspan.export.segments import index_of, note, rename
from patternspan.model.ids import instant, is_timestamp, timestamp
from patternspan.model.segments import Index, Removed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_IDLE_NS: Final = 2_000_000_000
"""After a second without a line a writer looks whether its file is still the live one, before the next line."""
_DAY_NS: Final = 86_400 * 1_000_000_000
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CHUNK: Final = 1 << 18
_DATA: Final = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".jsonl.gz.tmp", ".jsonl.zst.tmp", ".leaves")


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept or goes as a whole."""

    name: str
    """Its path below the root."""
    kind: str
    """`segment`, `job log`, `archived run` or `tool output`."""
    files: tuple[str, ...]
    """Names inside `folder`."""
    folder: tuple[str, ...]
    """The folders that lead to it from the root."""
    bytes: int
    time_ns: int
    """Of its last event, or of its last change."""
    log: str = ""
    """The log that a segment belongs to."""
    settled: bool = True
    """Nobody writes to it any more without looking."""


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was removed, or would be."""

    name: str
    kind: str
    bytes: int
    lines: int
    reason: str
    """`keep_days` or `keep_bytes`."""


class Stock(msgspec.Struct):
    """What stands below the root."""

    total: int
    """Bytes of all files that are counted, the live log too."""
    units: list[Unit]


def stock(root: str) -> Stock:
    """Return what stands below the root. What cannot be read is not there."""
    found = Stock(0, [])
    _log_units(root, ("events",), found, is_global=True)
    for job in _folders(root, ("events", "jobs")):
        _log_units(root, ("events", "jobs", job), found, is_global=False)
    for month in _folders(root, ("pattern_runs",)):
        for name, status in _files(root, ("pattern_runs", month)):
            _add(found, "archived run", ("pattern_runs", month), [(name, status)])
    for run in _folders(root, ("logs",)):
        _add(found, "tool output", ("logs", run), list(_files(root, ("logs", run))))
    return found


def logs_below(root: str) -> list[str]:
    """Return the paths of the log of all events and of those of jobs, whether they are live or have segments only."""
    folders = [("events",), *(("events", "jobs", job) for job in _folders(root, ("events", "jobs")))]
    return [os.path.join(root, *folder, layout.LOG_NAME) for folder in folders]


def _add(found: Stock, kind: str, folder: tuple[str, ...], files: Sequence[tuple[str, os.stat_result]]) -> None:
    if not files:
        return
    size = sum(status.st_size for _, status in files)
    found.total += size
    name = "/".join((*folder, files[0][0]) if kind == "archived run" else folder)
    changed = max(status.st_mtime_ns for _, status in files)
    names = tuple(name for name, _ in files)
    found.units.append(Unit(name=name, kind=kind, files=names, folder=folder, bytes=size, time_ns=changed))


def _log_units(root: str, folder: tuple[str, ...], found: Stock, *, is_global: bool) -> None:
    log = os.path.join(root, *folder, layout.LOG_NAME)
    numbered: dict[int, list[tuple[str, os.stat_result]]] = {}
    for name, status in _files(root, folder):
        number = layout.claimed_number(log, name)
        if number and name.endswith(_DATA):
            found.total += status.st_size
            numbered.setdefault(number, []).append((name, status))
        elif number or name in {layout.LOG_NAME, os.path.basename(layout.index(log))}:
            found.total += status.st_size
            if name == layout.LOG_NAME and not is_global and status.st_size:
                unit = Unit(
                    name="/".join((*folder, name)), kind="job log", files=(name,), folder=folder, log=log,
                    bytes=status.st_size, time_ns=status.st_mtime_ns,
                )  # fmt: skip
                found.units.append(unit)
    index = index_of(log) if numbered else Index({}, [])
    for number, files in numbered.items():
        entry = index.closed.get(os.path.basename(layout.segment(log, number)))
        told = entry.last_timestamp if entry is not None else None
        changed = max(status.st_mtime_ns for _, status in files)
        unit = Unit(
            name="/".join((*folder, os.path.basename(layout.segment(log, number)))),
            kind="segment",
            files=tuple(name for name, _ in files),
            folder=folder,
            bytes=sum(status.st_size for _, status in files),
            time_ns=instant(told) if told is not None and is_timestamp(told) else changed,
            log=log,
            settled=entry is not None,
        )
        found.units.append(unit)


def due(found: Stock, keep_days: int, keep_bytes: int, now_ns: int) -> list[tuple[Unit, str]]:
    """Return what is to go, the oldest first, and why."""
    total = found.total
    going: list[tuple[Unit, str]] = []
    for unit in sorted(found.units, key=lambda unit: (unit.time_ns, unit.name)):
        old = keep_days > 0 and unit.time_ns < now_ns - keep_days * _DAY_NS
        if old or 0 < keep_bytes < total:
            total -= unit.bytes
            going.append((unit, "keep_days" if old else "keep_bytes"))
    return going


def remove(root: str, going: Sequence[tuple[Unit, str]], segment_bytes: int = 0) -> list[Removal]:
    """Remove what is to go, and say what went.

    Left for the next time is what a writer may add to without looking at it before or after: a job's log that was
    written to just now, and a segment that is not closed yet, unless it had `segment_bytes`, at which writers look.
    """
    removed: list[Removal] = []
    with tried(layout.keep_lock(layout.global_log(root))) as lock:
        if lock < 0:
            return removed
        for unit, reason in going:
            with contextlib.suppress(OSError):
                if unit.kind == "job log":
                    if time.time_ns() - unit.time_ns > _IDLE_NS:
                        removed += _remove_job_log(root, unit, reason)
                elif unit.settled or 0 < segment_bytes <= unit.bytes:
                    removed.append(_remove_one(root, unit, reason))
        _note_files(root, removed)
        _sweep(root, {unit.folder for unit, _ in going if unit.folder[:2] == ("events", "jobs")})
    return removed


def _remove_job_log(root: str, unit: Unit, reason: str) -> list[Removal]:
    """Remove the live log of a job: nobody has written to it for so long that the next one looks before it does."""
    path = rename(unit.log, lambda status: status.st_mtime_ns == unit.time_ns)
    if path is None:
        return []
    name = os.path.basename(path)
    segment = msgspec.structs.replace(unit, name=name, kind="segment", files=(name,))
    removal = _remove_one(root, segment, reason)
    return [msgspec.structs.replace(removal, name=unit.name, kind=unit.kind)]


def _remove_one(root: str, unit: Unit, reason: str) -> Removal:
    with _opened(root, unit.folder) as folder:
        lines = 0
        if unit.kind == "segment":
            lines = _remove_segment(folder, unit, reason)
        else:
            for name in unit.files:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
    if unit.kind == "tool output":
        with contextlib.suppress(OSError), _opened(root, unit.folder[:-1]) as above:
            os.rmdir(unit.folder[-1], dir_fd=above)
    return Removal(name=unit.name, kind=unit.kind, bytes=unit.bytes, lines=lines, reason=reason)


def _remove_segment(folder: int, unit: Unit, reason: str) -> int:
    name = unit.name.rpartition("/")[2]
    index = index_of(unit.log)
    closed = index.closed.get(name)
    plain = -1
    with contextlib.suppress(OSError):
        plain = os.open(name, _READ, dir_fd=folder)
    try:
        counted, at = (closed.lines, closed.bytes) if closed is not None else _count(plain, 0)

        def tell(lines: int, size: int) -> None:
            moment = timestamp(time.time_ns())
            note(unit.log, Removed(segment=name, removed_at=moment, reason=reason, lines=lines, bytes=size))

        if all(entry.segment != name for entry in index.removed):
            tell(counted, unit.bytes)
        for file in unit.files:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file, dir_fd=folder)
        # Who wrote before the file went thinks the line is in it; who writes now sees that it has gone.
        late, _ = _count(plain, at) if closed is None else (0, 0)
        if late:
            tell(late, 0)
        return counted + late
    finally:
        if plain >= 0:
            os.close(plain)


def _count(descriptor: int, at: int) -> tuple[int, int]:
    lines = 0
    while descriptor >= 0 and (data := os.pread(descriptor, _CHUNK, at)):
        lines += data.count(b"\n")
        at += len(data)
    return lines, at


def _note_files(root: str, removed: Sequence[Removal]) -> None:
    """Write one line into the global index for all archived runs and tool outputs that went for one reason."""
    log = layout.global_log(root)
    for kind, folder in (("archived run", "pattern_runs"), ("tool output", "logs")):
        for reason in ("keep_days", "keep_bytes"):
            these = [entry for entry in removed if (entry.kind, entry.reason) == (kind, reason)]
            if these:
                moment, size = timestamp(time.time_ns()), sum(entry.bytes for entry in these)
                entry = Removed(segment=folder, removed_at=moment, reason=reason, files=len(these), bytes=size)
                with contextlib.suppress(OSError):
                    note(log, entry)


def _sweep(root: str, folders: set[tuple[str, ...]]) -> None:
    """Remove the folders of jobs of which no event is left, and write into the global index what they had."""
    for folder in sorted(folders):
        log = os.path.join(root, *folder, layout.LOG_NAME)
        names = [name for name, _ in _files(root, folder)]
        if any(
            name == layout.LOG_NAME or (layout.claimed_number(log, name) and name.endswith(_DATA)) for name in names
        ):
            continue
        with contextlib.suppress(OSError), tried(layout.lock(log)) as lock:
            if lock < 0 or os.path.lexists(log):
                continue
            gone = index_of(log).removed
            with _opened(root, folder) as descriptor, _opened(root, folder[:-1]) as above:
                for name in names:
                    os.unlink(name, dir_fd=descriptor)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.basename(layout.lock(log)), dir_fd=descriptor)
                os.rmdir(folder[-1], dir_fd=above)
            if gone:
                _note_job(root, folder, gone)


def _note_job(root: str, folder: tuple[str, ...], gone: Sequence[Removed]) -> None:
    names = {entry.segment for entry in gone}
    entry = Removed(
        segment="/".join(folder[1:]),
        removed_at=timestamp(time.time_ns()),
        reason=gone[-1].reason,
        lines=sum(entry.lines for entry in gone),
        files=len(names),
        bytes=sum(entry.bytes for entry in gone),
    )
    note(layout.global_log(root), entry)


@contextlib.contextmanager
def _opened(root: str, folder: Sequence[str]) -> Iterator[int]:
    """Open a folder below the root without following a link. Raises OSError."""
    descriptor = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for name in folder:
            below = os.open(name, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _entries(root: str, folder: Sequence[str]) -> list[tuple[str, os.stat_result]]:
    found: list[tuple[str, os.stat_result]] = []
    with contextlib.suppress(OSError), _opened(root, folder) as descriptor:
        for name in os.listdir(descriptor):
            with contextlib.suppress(OSError):
                found.append((name, os.stat(name, dir_fd=descriptor, follow_symlinks=False)))
    return found


def _files(root: str, folder: Sequence[str]) -> list[tuple[str, os.stat_result]]:
    return [(name, status) for name, status in _entries(root, folder) if stat.S_ISREG(status.st_mode)]


def _folders(root: str, folder: Sequence[str]) -> list[str]:
    return sorted(name for name, status in _entries(root, folder) if stat.S_ISDIR(status.st_mode))
