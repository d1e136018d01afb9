"""The numbered segments of a log, what the index says of them, and their uncompressed bytes."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from typing import IO, TYPE_CHECKING, Any, Final, cast

import msgspec

from patternspan.errors import LineError, MissingExtraError, NotFoundError
from patternspan.files import regular
from patternspan.layout import LOG_NAME, events_dir
from patternspan.model.packing import zstd
from patternspan.model.wire import decode_object

if TYPE_CHECKING:
    from collections.abc import Iterator

STEM: Final = LOG_NAME.removesuffix(".jsonl")
INDEX_NAME: Final = f"{STEM}.index.jsonl"
_SEGMENT: Final = re.compile(re.escape(STEM) + r"\.([0-9]{8,18})\.jsonl(\.gz|\.zst)?")
_EARLIER: Final = re.compile(re.escape(LOG_NAME) + r"\.([0-9]{1,6})")
_CHUNK: Final = 1 << 20


class Segment(msgspec.Struct, frozen=True):
    """One file of a log: a numbered segment, an earlier log of another tool's rotation, or the live log (number 0)."""

    number: int
    path: str

    @property
    def name(self) -> str:
        """Its name without what compression adds."""
        return segment_name(self.number) if self.number else os.path.basename(self.path)


class Closed(msgspec.Struct, frozen=True):
    """What the index says of a segment that was closed."""

    number: int
    bytes: int
    sha256: str


class Removed(msgspec.Struct, frozen=True):
    """What the index says of a segment that was removed."""

    number: int
    removed_at: str
    reason: str
    lines: int


class Index(msgspec.Struct, frozen=True):
    """The index by number of segment."""

    closed: dict[int, Closed]
    removed: dict[int, Removed]


class UnreadableError(Exception):
    """The compressed bytes of a segment are damaged, or what reads them is not installed; the message says which."""


def folder_of(given: str | os.PathLike[str] | None) -> str:
    """Return the folder of logs: as given, or that of the configuration. Raises NotFoundError where there is none."""
    if given is None:
        from patternspan.config import load

        given = events_dir(load().root)
    folder = os.fspath(given)
    if not os.path.isdir(folder):
        raise NotFoundError(f"{folder}: no log here yet")
    return folder


def segment_name(number: int) -> str:
    """Return the name of a segment that is not compressed."""
    return f"{STEM}.{number:08d}.jsonl"


def segments_in(folder: str) -> list[Segment]:
    """Return the numbered segments in order; of a plain and a compressed copy the plain one, which has all lines."""
    return [files[0] for _, files in sorted(copies_in(folder).items())]


def copies_in(folder: str) -> dict[int, list[Segment]]:
    """Return the files of each numbered segment: mostly one, and the plain one first where it was just compressed."""
    found: dict[int, list[Segment]] = {}
    for name in sorted(os.listdir(folder)):
        if (match := _SEGMENT.fullmatch(name)) is not None:
            found.setdefault(int(match[1]), []).append(Segment(int(match[1]), os.path.join(folder, name)))
    return found


def unnumbered_in(folder: str) -> list[Segment]:
    """Return the logs that another tool renamed to `.1`, `.2` …, oldest first, then the live log if there is one."""
    matches = [match for match in map(_EARLIER.fullmatch, os.listdir(folder)) if match is not None]
    names = [match[0] for match in sorted(matches, key=lambda match: -int(match[1]))]
    paths = [os.path.join(folder, name) for name in [*names, LOG_NAME]]
    return [Segment(0, path) for path in paths if os.path.isfile(path)]


def number_in(name: object) -> int:
    """Return the number in the name of a segment, compressed or not; 0 where it is none."""
    match = _SEGMENT.fullmatch(name) if isinstance(name, str) else None
    return int(match[1]) if match is not None else 0


def index_of(folder: str) -> Index:
    """Return the index; a line that says nothing readable is passed over, and the first word on a segment counts."""
    index = Index({}, {})
    try:
        with open(os.path.join(folder, INDEX_NAME), "rb", opener=regular) as file:
            lines = file.read().splitlines()
    except OSError:
        return index
    for line in lines:
        try:
            members = decode_object(line)
        except LineError:
            continue
        number = number_in(members.get("segment"))
        if number and "removed_at" in members:
            index.removed.setdefault(number, _removed(number, members))
        elif number and isinstance(members.get("bytes"), int) and isinstance(members.get("sha256"), str):
            index.closed.setdefault(number, Closed(number, members["bytes"], members["sha256"]))
    return index


def _removed(number: int, members: dict[str, Any]) -> Removed:
    lines = members.get("lines")
    return Removed(
        number, str(members["removed_at"]), str(members.get("reason", "")), lines if isinstance(lines, int) else 0
    )


def pieces(segment: Segment, size: int = _CHUNK, limit: int | None = None) -> Iterator[bytes]:
    """Yield the uncompressed bytes of a segment, at most `limit`. Raises OSError or UnreadableError."""
    with _open(segment.path) as file:
        while limit is None or limit > 0:
            try:
                data = file.read(size if limit is None else min(size, limit))
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise UnreadableError(f"its compressed bytes are damaged: {error}") from None
            except Exception as error:
                if isinstance(error, OSError) or not segment.path.endswith(".zst"):
                    raise
                raise UnreadableError(f"its compressed bytes are damaged: {error}") from None
            if not data:
                return
            if limit is not None:
                limit -= len(data)
            yield data


def _open(path: str) -> IO[bytes]:
    os.close(regular(path))
    if path.endswith(".gz"):
        return cast("IO[bytes]", gzip.GzipFile(path, "rb"))
    if not path.endswith(".zst"):
        return open(path, "rb", buffering=0, opener=regular)
    try:
        return cast("IO[bytes]", zstd().open(path, "rb"))
    except MissingExtraError as error:
        raise UnreadableError(str(error)) from None


def lines_of(segment: Segment, limit: int | None = None, most: int = 64 << 20) -> Iterator[bytes]:
    """Yield the lines without their newlines; of one longer than `most` bytes only its beginning."""
    held = b""
    for data in pieces(segment, limit=limit):
        first, *rest = data.split(b"\n")
        held = (held + first)[:most]
        if rest:
            yield held
            yield from rest[:-1]
            held = rest[-1]
    if held:
        yield held


def line_at(segment: Segment, number: int) -> bytes:
    """Return one line by its number, counted from 1; empty where there is none or it cannot be read."""
    try:
        for at, line in enumerate(lines_of(segment), 1):
            if at == number:
                return line
    except (OSError, UnreadableError):
        pass
    return b""
