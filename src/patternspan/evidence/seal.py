"""Sealing: a manifest and the line hashes of each closed segment, written beside it.

It can be killed at any instruction: what is unfinished has another name, and the next call does it again.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.aggregate.plain import counted
from patternspan.errors import LineError
from patternspan.evidence.beside import BLOCK, Beside
from patternspan.evidence.manifest import (
    Manifest,
    Stored,
    leaves_path,
    manifest_numbers,
    manifest_path,
    read_manifest,
)
from patternspan.evidence.merkle import LineHashes, Tree
from patternspan.evidence.segments import STEM, Segment, UnreadableError, folder_of, index_of, pieces, segments_in
from patternspan.model.ids import timestamp
from patternspan.model.wire import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from patternspan.model.event import PatternEvent

GRACE: Final = 3.0
"""Seconds after its rename at which every running writer has left a segment."""
LOCK_NAME: Final = f"{STEM}.seal.lock"
_END: Final = 1 << 24
"""Bytes at either end in which the first and the last event are looked for."""
_TAIL: Final = 1 << 16


class Sealed(msgspec.Struct, frozen=True):
    """What one call sealed, and what it left; `str()` of it is for people."""

    segments: tuple[Manifest, ...]
    """The new seals, in order."""
    waiting: int
    """Segments that were closed too short a time ago."""
    busy: bool
    """Whether another process is sealing, so that nothing was done."""
    problems: tuple[str, ...] = ()
    """Why sealing stopped before the last segment."""

    def __str__(self) -> str:
        if self.busy:
            return "another process is sealing: nothing done"
        lines = [
            f"sealed {each.segment}: {counted(each.lines, 'line')}, {counted(each.bytes, 'byte')},"
            f" root {each.merkle_root[:16]}"
            for each in self.segments
        ]
        if not self.segments:
            lines.append("nothing to seal")
        if self.waiting:
            lines.append(f"{counted(self.waiting, 'segment')} closed less than a few seconds ago: not yet")
        return "\n".join([*lines, *self.problems])


def seal(events_dir: str | os.PathLike[str] | None = None, *, grace: float = GRACE, pause: float = 0.0) -> Sealed:
    """Seal each closed segment of a folder of logs that has no manifest, the oldest first.

    Without `events_dir` the folder is that of the configuration. A segment counts as closed `grace` seconds after
    its rename. `pause` seconds are slept after each half megabyte, for other threads. Of two calls at a time one does
    the work. Raises NotFoundError where there is no such folder, OSError where it cannot be written.
    """
    folder = folder_of(events_dir)
    with _alone(folder) as alone:
        if not alone:
            return Sealed((), 0, busy=True)
        return _seal_all(folder, grace, pause)


@contextmanager
def _alone(folder: str) -> Iterator[bool]:
    """Hold the lock of sealers; the kernel gives it back when its holder dies."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(os.path.join(folder, LOCK_NAME), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        alone = False
    else:
        alone = True
    try:
        yield alone
    finally:
        os.close(descriptor)


def _seal_all(folder: str, grace: float, pause: float) -> Sealed:
    known = manifest_numbers(folder)
    last = read_manifest(folder, known[-1]) if known else None
    done: list[Manifest] = []
    segments = [segment for segment in segments_in(folder) if segment.number not in known]
    for at, segment in enumerate(segments):
        if last is not None and segment.number < last.number:
            problem = f"{segment.path}: not sealed: later segments are, so its manifest was taken away"
            return Sealed(tuple(done), 0, busy=False, problems=(problem,))
        if not _is_closed(folder, segment, grace):
            return Sealed(tuple(done), len(segments) - at, busy=False)
        try:
            last = _seal_one(folder, segment, last, pause)
        except UnreadableError as error:
            return Sealed(tuple(done), 0, busy=False, problems=(f"{segment.path}: not sealed: {error}",))
        if last.manifest is not None:
            done.append(last.manifest)
    return Sealed(tuple(done), 0, busy=False)


def _is_closed(folder: str, segment: Segment, grace: float) -> bool:
    if segment.number in index_of(folder).closed:
        return True
    status = os.stat(segment.path)
    # A clock that was set back since makes the difference negative; that is no reason to wait for years.
    return abs(time.time() - max(status.st_mtime, status.st_ctime)) >= grace


def _seal_one(folder: str, segment: Segment, last: Stored | None, pause: float) -> Stored:
    manifest = _write_leaves(folder, segment, last, pause)
    closed = index_of(folder).closed.get(segment.number)
    if closed is not None and closed.bytes < manifest.bytes:
        # It was closed while it was read, before late lines came that the compressed file will not have.
        manifest = _write_leaves(folder, segment, last, pause)
    path = manifest_path(folder, segment.number)
    data = manifest.to_bytes()
    _write(path, [data])
    _sync(folder)
    return Stored(segment.number, path, data, manifest, "")


def _write_leaves(folder: str, segment: Segment, last: Stored | None, pause: float) -> Manifest:
    """Read the segment once: write its leaves, return its manifest."""
    closed = index_of(folder).closed.get(segment.number)
    # What the index counts is what the compressed file will hold; lines that came later stand in a later file too.
    limit = None if closed is None else closed.bytes
    seen = _Seen(pause)
    _write(leaves_path(folder, segment.number), seen.through(pieces(segment, BLOCK, limit)))
    first, final = _event_in(seen.first), _event_in(seen.last, backwards=True)
    return Manifest(
        segment=segment.name,
        lines=seen.tree.count,
        bytes=seen.bytes,
        first_event_id=first.event_id if first else None,
        first_timestamp=first.timestamp if first else None,
        last_event_id=final.event_id if final else None,
        last_timestamp=final.timestamp if final else None,
        sha256=seen.sha256,
        merkle_root=seen.tree.root().hex(),
        previous=None if last is None else last.hash,
        sealed_at=timestamp(time.time_ns()),
    ).digested()


class _Seen:
    """What there is to know of a segment that is read once."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self.sha256 = ""
        self.tree = Tree()
        self.bytes = 0
        self.first = b""
        self.last = b""

    def through(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the leaves of these blocks."""
        lines = LineHashes()
        with Beside() as sha256:
            for block in blocks:
                sha256.update(block)
                self._keep_ends(block)
                yield self._leaves(lines.feed(block))
                if self._pause:
                    time.sleep(self._pause)
            yield self._leaves(lines.end())
            self.sha256 = sha256.hexdigest()

    def _keep_ends(self, block: bytes) -> None:
        self.bytes += len(block)
        if b"\n" not in self.first and len(self.first) < _END:
            self.first += block
        tail = block[-_TAIL:]
        # Only of long lines is more kept: old blocks in memory would make each new one cold.
        self.last = tail if tail.count(b"\n") > 1 else (self.last + block)[-_END:]

    def _leaves(self, found: bytes) -> bytes:
        self.tree.feed(found)
        return found


def _event_in(data: bytes, *, backwards: bool = False, most: int = 1000) -> PatternEvent | None:
    """Return the first event, or the last, among the lines at one end of these bytes."""
    lines = data.rsplit(b"\n", most) if backwards else data.split(b"\n", most)
    for line in reversed(lines) if backwards else lines:
        with suppress(LineError):
            return decode(line)
    return None


def _write(path: str, data: Iterable[bytes]) -> None:
    """Write a file that is there whole or not at all; never through a link."""
    beside = path + ".tmp"
    with suppress(FileNotFoundError):
        os.unlink(beside)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.writelines(data)
        file.flush()
        os.fsync(descriptor)
    os.replace(beside, path)


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
