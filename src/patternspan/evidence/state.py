"""All that stands in a folder of logs and bears on its evidence, looked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from patternspan.evidence.manifest import Stored, read_leaves, read_manifests
from patternspan.evidence.merkle import SIZE, LineHashes, root_of, split_hashes
from patternspan.evidence.segments import Index, Segment, copies_in, index_of, pieces, unnumbered_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from patternspan.evidence.manifest import Manifest


class State(msgspec.Struct, frozen=True):
    """What there is."""

    folder: str
    manifests: dict[int, Stored]
    segments: dict[int, Segment]
    copies: tuple[Segment, ...]
    """Compressed files whose segment is there without compression too."""
    others: tuple[Segment, ...]
    """Logs of another tool's rotation and the live log, the oldest first."""
    index: Index

    def numbers(self) -> list[int]:
        """Return the numbers of all segments that anything is known of."""
        return sorted({*self.manifests, *self.segments, *self.index.closed, *self.index.removed})

    def later_than(self, number: int) -> Iterator[Segment]:
        """Yield the files that come after a segment."""
        yield from (segment for each, segment in sorted(self.segments.items()) if each > number)
        yield from self.others


def look(folder: str) -> State:
    """Return what stands in a folder. The manifests are read first: what is sealed meanwhile is not sealed yet."""
    manifests = read_manifests(folder)
    files = copies_in(folder)
    segments = {number: its[0] for number, its in sorted(files.items())}
    copies = tuple(each for its in files.values() for each in its[1:])
    others = tuple(unnumbered_in(folder))
    # The index last: what was removed meanwhile has its line there.
    return State(folder, manifests, segments, copies, others, index_of(folder))


def line_hashes(segment: Segment, limit: int | None = None, begin: int = 0) -> bytes:
    """Return the hashes of the lines among these bytes of a file. Raises OSError or UnreadableError."""
    return measured(segment, limit, begin)[0]


def measured(segment: Segment, limit: int | None = None, begin: int = 0) -> tuple[bytes, int]:
    """Return the hashes of the lines among these bytes of a file, and how many bytes there were up to their end."""
    lines = LineHashes()
    found, size = [], 0
    for data in pieces(segment, limit=limit):
        found.append(lines.feed(data[begin:]))
        begin = max(0, begin - len(data))
        size += len(data)
    return b"".join([*found, lines.end()]), size


def absent_later(state: State, number: int, lines: Iterable[bytes]) -> set[bytes]:
    """Return those of these line hashes that no file after a segment has. Raises OSError or UnreadableError."""
    missing = set(lines)
    for later in state.later_than(number):
        if not missing:
            break
        missing.difference_update(split_hashes(line_hashes(later)))
    return missing


def sound_leaves(folder: str, number: int, manifest: Manifest) -> bytes | str:
    """Return the line hashes of a sealed segment where its manifest vouches for them, else what is wrong with them."""
    leaves = read_leaves(folder, number)
    if leaves is None:
        return "missing: the hashes of the lines"
    if len(leaves) != manifest.lines * SIZE or root_of(leaves).hex() != manifest.merkle_root:
        return "altered: these are not the hashes of the lines that were sealed"
    return leaves
