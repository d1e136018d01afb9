"""Checking a log against its seals: what is not as it was sealed has a name and a place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from patternspan.aggregate.plain import counted
from patternspan.evidence.chain import chain_problems, retention_notes
from patternspan.evidence.compare import ALTERED, CUT_OFF, INSERTED, MOVED, REMOVED, Difference, first_difference
from patternspan.evidence.manifest import Manifest, leaves_path, manifest_path, read_leaves
from patternspan.evidence.merkle import SIZE, leaf_hash, split_hashes
from patternspan.evidence.read_through import Through, likely_event_id, read_through
from patternspan.evidence.report import Finding, Verification
from patternspan.evidence.segments import Segment, UnreadableError, copies_in, folder_of, line_at, lines_of
from patternspan.evidence.state import State, absent_later, line_hashes, look, sound_leaves

if TYPE_CHECKING:
    from collections.abc import Callable

    from patternspan.evidence.checkpoint import Checkpoint

_MOST_TORN: Final = 20
_ATTEMPTS: Final = 20
_BLANK: Final = leaf_hash(b"")


def verify(
    events_dir: str | os.PathLike[str] | None = None,
    *,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
) -> Verification:
    """Check a folder of logs against its seals, and against a checkpoint that was kept elsewhere.

    `checkpoint` is a value or a file, `key` the file of the public key that must have signed it. Nothing is written.
    Raises NotFoundError where there is no such folder or file, MissingExtraError where a signature is to be checked
    and `cryptography` is not installed.
    """
    folder = folder_of(events_dir)
    for attempt in range(_ATTEMPTS):
        state = look(folder)
        try:
            found = _Check(state).run(checkpoint, key)
        except FileNotFoundError:
            # A file was rotated or removed between the look at the folder and its turn.
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        if found.ok or attempt == _ATTEMPTS - 1 or look(folder) == state:
            return found
        # The folder changed meanwhile; what was found may be only half of that change.
    raise AssertionError


class _Check:
    """One look at a folder."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.problems: list[Finding] = []
        self.notes: list[Finding] = []
        self.segments = self.lines = self.bytes = self.unsealed = 0

    def run(
        self, checkpoint: Checkpoint | str | os.PathLike[str] | None, key: str | os.PathLike[str] | None
    ) -> Verification:
        self.notes += retention_notes(self.state)
        self.problems += chain_problems(self.state)
        for segment in self.state.segments.values():
            self._guarded(segment)
        for segment in self.state.others:
            self._guarded(segment)
        for segment in self.state.copies:
            self._guarded(segment, self._copy)
        if checkpoint is not None:
            from patternspan.evidence.against import against

            problems, notes = against(self.state, checkpoint, key)
            self.problems += problems
            self.notes += notes
        return Verification(
            events_dir=self.state.folder,
            problems=tuple(self.problems),
            notes=tuple(self.notes),
            segments=self.segments,
            lines=self.lines,
            bytes=self.bytes,
            unsealed_lines=self.unsealed,
        )

    def _guarded(self, segment: Segment, check: Callable[[Segment], None] | None = None) -> None:
        """Check one file; one that cannot be read is a problem of its own."""
        try:
            (check or self._file)(segment)
        except FileNotFoundError:
            moved = copies_in(self.state.folder).get(segment.number, [segment])[0]
            if check is not None or moved == segment:
                raise
            # It was compressed between the look at the folder and its turn.
            self._guarded(moved)
        except (UnreadableError, OSError) as error:
            readable = 0
            try:
                for _ in lines_of(segment):
                    readable += 1
            except (UnreadableError, OSError):
                pass
            self._problem("unreadable", segment, readable + 1, str(error))

    def _file(self, segment: Segment) -> None:
        number = segment.number
        stored = self.state.manifests.get(number)
        if number and stored is not None and stored.manifest is not None:
            self._sealed(segment, stored.manifest)
        elif stored is not None or 0 < number < max(self.state.manifests, default=0):
            self._without_manifest(segment)
        else:
            self._unsealed(segment)

    def _copy(self, segment: Segment) -> None:
        """Check the compressed copy of a segment that is there without compression too."""
        closed = self.state.index.closed.get(segment.number)
        stored = self.state.manifests.get(segment.number)
        sealed = stored.manifest if stored is not None else None
        known = {each.bytes: each.sha256 for each in (sealed, closed) if each is not None}
        through = read_through(segment, known)
        if known and not any(through.sha256.get(size) == found for size, found in known.items()):
            self._problem(ALTERED, segment, 0, "the compressed copy is not what was closed and sealed")

    def _problem(self, kind: str, segment: Segment, line: int, text: str, event_id: str = "") -> None:
        self.problems.append(Finding(kind, segment.path, line, event_id, text))

    def _sealed(self, segment: Segment, manifest: Manifest) -> None:
        closed = self.state.index.closed.get(segment.number)
        through = read_through(segment, [manifest.bytes, *([closed.bytes] if closed else [])], lines=manifest.lines)
        leaves = sound_leaves(self.state.folder, segment.number, manifest)
        if isinstance(leaves, str):
            self.problems.append(Finding("leaves", leaves_path(self.state.folder, segment.number), 0, "", leaves))
        if through.sha256.get(manifest.bytes) != manifest.sha256:
            self._changed(segment, manifest, through, None if isinstance(leaves, str) else leaves)
            return
        if through.size > manifest.bytes:
            self._appended(segment, manifest, ends_whole=through.before.get(manifest.bytes, b"") in {b"\n", b""})
        self.segments += 1
        self.lines += manifest.lines
        self.bytes += manifest.bytes
        self._torn(segment, through)
        if closed is not None and through.sha256.get(closed.bytes) != closed.sha256:
            self._problem("index", segment, 0, "not as the index says that it was closed")

    def _changed(self, segment: Segment, manifest: Manifest, through: Through, leaves: bytes | None) -> None:
        """Name the first difference of a segment that is not as it was sealed."""
        whole = through.sha256[through.size]
        for number, other in self.state.manifests.items():
            if number != segment.number and other.manifest is not None and other.manifest.sha256 == whole:
                self._problem(MOVED, segment, 0, f"holds what {other.manifest.segment} was sealed with")
                return
        if leaves is None:
            text = "not as it was sealed; which line cannot be told without the sealed hashes of the lines"
            self._problem(ALTERED, segment, 0, text)
            return
        shorter = through.size < manifest.bytes
        cut = shorter and through.before[through.size] != b"\n"
        hashes = line_hashes(segment)
        if shorter and not cut and self._left_out(segment, through, leaves, hashes):
            return
        found = first_difference(leaves, hashes, cut=cut)
        if found is not None:
            self._name(segment, found)
        elif shorter:
            self._problem(CUT_OFF, segment, manifest.lines, f"cut off: the newline of line {manifest.lines:,}")
        else:
            path = manifest_path(self.state.folder, segment.number)
            text = "altered: the lines are those that were sealed, but its hash of the bytes is another"
            self.problems.append(Finding("manifest", path, 0, "", text))

    def _left_out(self, segment: Segment, through: Through, leaves: bytes, hashes: bytes) -> bool:
        """Say whether only late lines are missing: the segment was closed before they came, and sealed after."""
        closed = self.state.index.closed.get(segment.number)
        if closed is None or (closed.bytes, closed.sha256) != (through.size, through.sha256[through.size]):
            return False
        late = split_hashes(leaves[len(hashes) :])
        if not late or not leaves.startswith(hashes) or absent_later(self.state, segment.number, late):
            return False
        text = (
            f"{counted(len(late), 'line')} came late and were sealed, but left out when it was compressed; later files"
        )
        self.notes.append(Finding("late", segment.path, len(hashes) // SIZE + 1, "", f"{text} have them"))
        self.segments += 1
        self.lines += len(hashes) // SIZE
        self.bytes += through.size
        return True

    def _name(self, segment: Segment, found: Difference) -> None:
        if found.kind in {REMOVED, CUT_OFF} and found.line > 1:
            before = likely_event_id(line_at(segment, found.line - 1))
            text = f"{found.text}, after {before}" if before else found.text
            self._problem(found.kind, segment, found.line, text)
        elif found.kind in {REMOVED, CUT_OFF}:
            self._problem(found.kind, segment, found.line, found.text)
        else:
            event_id = likely_event_id(line_at(segment, found.line))
            self._problem(found.kind, segment, found.line, found.text, event_id)

    def _appended(self, segment: Segment, manifest: Manifest, *, ends_whole: bool) -> None:
        """Judge what stands behind the sealed bytes: late lines stand in a later file too."""
        hashes = line_hashes(segment, begin=manifest.bytes)
        lines = split_hashes(hashes)
        first = manifest.lines + 1 if ends_whole else manifest.lines
        if not ends_whole and lines[0] == _BLANK:
            # The newline that a writer sets before its line where it finds a torn one.
            lines, first = lines[1:], first + 1
        missing = absent_later(self.state, segment.number, lines)
        strange = next((at for at, line in enumerate(lines) if line in missing), None)
        if strange is not None:
            line = first + strange
            event_id = likely_event_id(line_at(segment, line))
            self._problem(
                INSERTED, segment, line, f"line {line:,} was inserted after the seal; no later file has it", event_id
            )
        elif lines:
            text = f"{counted(len(lines), 'line')} came late, after the segment was closed; later files have them too"
            self.notes.append(Finding("late", segment.path, first, "", text))

    def _without_manifest(self, segment: Segment) -> None:
        """Compare with the line hashes alone; that the manifest is missing or damaged was said."""
        leaves = read_leaves(self.state.folder, segment.number)
        if leaves is None or len(leaves) % SIZE:
            return
        hashes = line_hashes(segment)
        if hashes.startswith(leaves):
            return
        found = first_difference(leaves, hashes)
        if found is not None:
            self._name(segment, found)

    def _unsealed(self, segment: Segment) -> None:
        closed = self.state.index.closed.get(segment.number)
        through = read_through(segment, [closed.bytes] if closed else [], hashed=closed is not None)
        self.unsealed += through.lines
        self._torn(segment, through)
        if closed is not None and through.sha256.get(closed.bytes) != closed.sha256:
            kind = CUT_OFF if through.size < closed.bytes else ALTERED
            self._problem(kind, segment, 0, "not as the index says that it was closed; it is not sealed")

    def _torn(self, segment: Segment, through: Through) -> None:
        for torn in through.torn[:_MOST_TORN]:
            self.notes.append(Finding("torn", segment.path, torn.line, torn.event_id, torn.reason))
        rest = len(through.torn) - _MOST_TORN
        if rest > 0:
            self.notes.append(Finding("torn", segment.path, 0, "", f"and {counted(rest, 'torn line')} more"))
