"""A log against a checkpoint that was kept elsewhere: all that it saw must still be there, as a beginning."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from patternspan.evidence.checkpoint import Checkpoint, Open, read_checkpoint
from patternspan.evidence.manifest import read_leaves
from patternspan.evidence.merkle import SIZE, root_of
from patternspan.evidence.report import Finding
from patternspan.evidence.segments import Segment, UnreadableError, segment_name
from patternspan.evidence.state import State, measured

if TYPE_CHECKING:
    from collections.abc import Iterator


def against(
    state: State, given: Checkpoint | str | os.PathLike[str], key: str | os.PathLike[str] | None
) -> tuple[list[Finding], list[Finding]]:
    """Return the problems and the notes. Raises what reading the checkpoint or the key raises."""
    kept = read_checkpoint(given)
    problems, notes = signature_findings(kept, key)
    problems += _sealed(state, kept)
    for each in kept.open:
        found = _open(state, kept, each)
        (notes if found and found.kind == "retention" else problems).extend([found] if found else [])
    if not problems:
        notes.append(_note("checkpoint", f"all that the checkpoint of {kept.time} saw is there"))
    return problems, notes


def signature_findings(kept: Checkpoint, key: str | os.PathLike[str] | None) -> tuple[list[Finding], list[Finding]]:
    """Return what is to be said of who signed; without `key` the signature is not asked."""
    if key is None:
        text = f"signed by {kept.key}; give --key to check it" if kept.key else "the checkpoint is not signed"
        return [], [_note("signature", text)]
    from patternspan.evidence.keys import is_signed, read_public

    if kept.signature is None:
        return [_note("checkpoint", "not signed")], []
    if not is_signed(read_public(key), kept.signature, kept.signed_bytes()):
        return [_note("checkpoint", f"its signature is not of the key in {os.fspath(key)}")], []
    return [], [_note("signature", f"the checkpoint is signed by the key in {os.fspath(key)}")]


def _note(kind: str, text: str) -> Finding:
    return Finding(kind, "", 0, "", text)


def _sealed(state: State, kept: Checkpoint) -> Iterator[Finding]:
    """Yield the first manifest that is not the one that the checkpoint saw."""
    newest = max(state.manifests, default=0)
    if newest < kept.head_number:
        seen = f"the checkpoint of {kept.time} saw {segment_name(kept.head_number)} sealed"
        there = f"the seals end with {segment_name(newest)}" if newest else "there are no seals"
        yield _note("cut off", f"cut off: {seen}, and {there}")
    agreed = 0
    for number, expected in kept.seen:
        stored = state.manifests.get(number)
        if stored is None:
            continue
        if stored.hash != expected:
            since = f"it is that of the checkpoint up to {segment_name(agreed)}" if agreed else "no earlier one agrees"
            text = (
                f"rewritten: not the manifest that the checkpoint of {kept.time} saw; {since}."
                " Either history was written anew, or this log is a fork of the one that was seen"
            )
            yield Finding("checkpoint", stored.path, 0, "", text)
            return
        agreed = number


def _open(state: State, kept: Checkpoint, seen: Open) -> Finding | None:
    """Return what became of a file that was open then, where it does not still begin as it did."""
    if not seen.lines:
        return None
    segment = state.segments.get(seen.number)
    # It may have been numbered since, or renamed by another tool's rotation.
    found = [_differs(kept, seen, each) for each in [*([segment] if segment else []), *reversed(state.others)]]
    if None in found:
        return None
    is_gone = segment is None and seen.number in state.numbers()
    return _without_file(state, kept, seen) if is_gone or not found else found[0]


def _without_file(state: State, kept: Checkpoint, seen: Open) -> Finding:
    leaves = read_leaves(state.folder, seen.number)
    stored = state.manifests.get(seen.number)
    if leaves and stored and stored.manifest and root_of(leaves).hex() == stored.manifest.merkle_root:
        if root_of(leaves[: seen.lines * SIZE]).hex() == seen.merkle_root:
            return _note("retention", f"segment {seen.number} was sealed with the lines that the checkpoint saw")
    elif seen.number in state.index.removed:
        removed = state.index.removed[seen.number]
        text = f"segment {seen.number}, open at the checkpoint, was removed on {removed.removed_at[:10]}: not checked"
        return _note("retention", text)
    text = f"cut off: the checkpoint of {kept.time} saw {seen.lines:,} lines in {seen.file}, and none of them is there"
    return _note("cut off", text)


def _differs(kept: Checkpoint, seen: Open, segment: Segment) -> Finding | None:
    try:
        hashes, size = measured(segment, seen.bytes)
    except UnreadableError as error:
        return Finding("unreadable", segment.path, 0, "", str(error))
    lines = len(hashes) // SIZE
    if root_of(hashes).hex() == seen.merkle_root and (lines, size) == (seen.lines, seen.bytes):
        return None
    if size < seen.bytes:
        text = f"cut off: the checkpoint of {kept.time} saw {seen.lines:,} lines here, {seen.bytes:,} bytes"
        return Finding("cut off", segment.path, lines, "", text)
    text = (
        f"rewritten: its first {seen.lines:,} lines are not those that the checkpoint of {kept.time} saw."
        " Either they were altered since, or this log is a fork of the one that was seen"
    )
    return Finding("checkpoint", segment.path, 0, "", text)
