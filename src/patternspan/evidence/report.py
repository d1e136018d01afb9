"""What a check of a log found, as values that say themselves in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.aggregate.plain import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBLEMS: Final = (
    "altered", "removed", "inserted", "moved", "cut off", "missing", "manifest", "leaves", "index", "checkpoint",
    "unreadable",
)  # fmt: skip
"""What can be wrong, in a word."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was found; `str()` of it is a line for people."""

    kind: str
    """Of problems one of `PROBLEMS`, of notes torn, late, retention, signature or checkpoint."""
    path: str
    """The file, or empty for the whole log."""
    line: int
    """Counted from 1; 0 for the whole file."""
    event_id: str
    """Of the event in that line, where there is one."""
    text: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: " if self.line else f"{self.path}: " if self.path else ""
        event = f" ({self.event_id})" if self.event_id else ""
        return f"{place}{self.text}{event}"


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found; `str()` of it is for people."""

    events_dir: str
    problems: tuple[Finding, ...]
    """What is not as it was sealed; empty where all is well."""
    notes: tuple[Finding, ...]
    """What is worth knowing and no sign of tampering."""
    segments: int
    """Sealed segments that are there and as they were sealed."""
    lines: int
    """In them."""
    bytes: int
    """In them, without compression."""
    unsealed_lines: int
    """In closed segments without a seal and in the live log."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for problem in self.problems:
            yield f"{problem.kind.upper()}  {problem}"
        for note in self.notes:
            yield f"{note.kind}  {note}"
        amount = f"{counted(self.lines, 'line')}, {counted(self.bytes, 'byte')}"
        yield f"{counted(self.segments, 'segment')} as sealed: {amount}"
        if self.unsealed_lines:
            verb = "is" if self.unsealed_lines == 1 else "are"
            yield f"{counted(self.unsealed_lines, 'line')} since the last seal {verb} not sealed"
        yield "ok" if self.ok else f"not ok: {counted(len(self.problems), 'problem')}"
