"""That one event is in the log, shown without the rest of it: its line, and the hashes that lead to a checkpoint."""

from __future__ import annotations

import os
import re
from typing import Final

import msgspec

from patternspan.errors import LineError, NotFoundError
from patternspan.evidence.against import signature_findings
from patternspan.evidence.checkpoint import CHECKPOINT_FORMAT, Checkpoint, Open, checkpoint, read_checkpoint
from patternspan.evidence.manifest import (
    MANIFEST_FORMAT,
    Manifest,
    Sealable,
    parse,
    sha256_hex,
)
from patternspan.evidence.merkle import leaf_hash, levels_of, path_in, root_from, root_of
from patternspan.evidence.read_through import event_id_of
from patternspan.evidence.segments import Segment, folder_of, lines_of
from patternspan.evidence.state import State, line_hashes, look, sound_leaves

PROOF_FORMAT: Final = "patternspan.proof.v1"
_is_hash: Final = re.compile(r"[0-9a-f]{64}").fullmatch


class Proof(Sealable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line, and how its hash leads to a checkpoint."""

    format: str = PROOF_FORMAT
    event_id: str
    line: str
    """As it stands in the log."""
    file: str
    """The segment, or the open file of the checkpoint, in which it stands."""
    index: int
    """Of its hash among those of the file, from 0."""
    path: tuple[str, ...]
    """The hashes beside the way from the line's hash up to the root."""
    manifests: tuple[str, ...]
    """Manifests, as their files stand, from that of the segment to the head; none for an open file."""
    checkpoint: Checkpoint


class Proven(msgspec.Struct, frozen=True):
    """What checking a proof found; `str()` of it is for people."""

    event_id: str
    """Empty where a checkpoint alone was checked."""
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the proof holds."""
        return not self.problems

    def __str__(self) -> str:
        told = f"{self.event_id} is in the log that the checkpoint saw" if self.event_id else "the checkpoint is whole"
        return "\n".join([*self.problems, *self.notes, f"ok: {told}" if self.ok else "not ok"])


class Roots:
    """The files that a checkpoint vouches for, and the hashes of their lines."""

    def __init__(self, state: State, kept: Checkpoint) -> None:
        self._state = state
        self.kept = kept
        self._levels: dict[str, list[bytes]] = {}

    def files(self) -> list[tuple[Segment, Open | Manifest]]:
        """Return the files that are still there, each with what vouches for it, the oldest first."""
        found: list[tuple[Segment, Open | Manifest]] = []
        for number, segment in sorted(self._state.segments.items()):
            stored = self._state.manifests.get(number)
            opened = next((each for each in self.kept.open if each.number == number), None)
            if number <= self.kept.head_number and stored is not None and stored.manifest is not None:
                found.append((segment, stored.manifest))
            elif opened is not None:
                found.append((segment, opened))
        names = {each.file: each for each in self.kept.open if each.number not in self._state.segments}
        return found + [(other, names[other.name]) for other in self._state.others if other.name in names]

    def path(self, segment: Segment, vouched: Open | Manifest, index: int) -> list[bytes]:
        """Return the path of a line. Raises LineError where the lines are not those that are vouched for."""
        name = name_of(vouched)
        if name not in self._levels:
            self._levels = {name: levels_of(self._leaves(segment, vouched))}
        return path_in(self._levels[name], index)

    def _leaves(self, segment: Segment, vouched: Open | Manifest) -> bytes:
        if isinstance(vouched, Manifest):
            leaves = sound_leaves(self._state.folder, segment.number, vouched)
        else:
            leaves = line_hashes(segment, limit=vouched.bytes)
        if isinstance(leaves, str) or root_of(leaves).hex() != vouched.merkle_root:
            raise LineError(f"{segment.path}: not as it was sealed or seen; `patternspan audit verify` says where")
        return leaves

    def chain(self, number: int) -> tuple[str, ...]:
        """Return the manifests from one segment to the head of the checkpoint, as text."""
        numbers = [each for each in sorted(self._state.manifests) if number <= each <= self.kept.head_number]
        return tuple(self._state.manifests[each].data.decode("ascii", "replace") for each in numbers)


def name_of(vouched: Open | Manifest) -> str:
    """Return the name under which a checkpoint or a manifest knows a file."""
    return vouched.segment if isinstance(vouched, Manifest) else vouched.file


def prove(
    event_id: str,
    events_dir: str | os.PathLike[str] | None = None,
    *,
    given: Checkpoint | str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
) -> Proof:
    """Return the proof that an event is in the log, up to a checkpoint: the given one, or one that is made now.

    Raises NotFoundError where the log holds no such event or the checkpoint did not see it, LineError where the log
    is not as it was sealed.
    """
    folder = folder_of(events_dir)
    kept = checkpoint(folder, key=key) if given is None else read_checkpoint(given)
    roots = Roots(look(folder), kept)
    needle = event_id.encode()
    for segment, vouched in roots.files():
        for index, line in enumerate(lines_of(segment)):
            if index >= vouched.lines:
                break
            if needle in line and event_id_of(line) == event_id:
                return _proof(roots, segment, vouched, index, line)
    raise NotFoundError(f"no event {event_id} among what the {kept} saw")


def _proof(roots: Roots, segment: Segment, vouched: Open | Manifest, index: int, line: bytes) -> Proof:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise LineError(f"{segment.path}:{index + 1}: not UTF-8, so that no proof can hold it") from None
    found = Proof(
        event_id=event_id_of(line),
        line=text,
        file=name_of(vouched),
        index=index,
        path=tuple(each.hex() for each in roots.path(segment, vouched, index)),
        manifests=roots.chain(segment.number) if isinstance(vouched, Manifest) else (),
        checkpoint=roots.kept,
    ).digested()
    problems = check(found).problems
    if problems:
        raise LineError(f"{segment.path}:{index + 1}: {problems[0]}; `patternspan audit verify` says more")
    return found


def read_proof(path: str | os.PathLike[str]) -> Proof | Checkpoint:
    """Return a proof, or a checkpoint, from its file.

    Raises NotFoundError, or LineError where it is neither or was altered.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise NotFoundError(f"{os.fspath(path)}: no such proof") from None
    found = parse(data, Proof, PROOF_FORMAT)
    if not isinstance(found, str):
        return found
    alone = parse(data, Checkpoint, CHECKPOINT_FORMAT)
    if isinstance(alone, str):
        raise LineError(f"{os.fspath(path)}: {found if PROOF_FORMAT.encode() in data else alone}")
    return alone


def check(
    proof: Proof | Checkpoint,
    *,
    kept: Checkpoint | str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
) -> Proven:
    """Check a proof by itself, and that it leads to a checkpoint of one's own and to its signer where they are given.

    Of a checkpoint there is the signature to check. No log is needed. Raises what reading the checkpoint or the key
    raises.
    """
    if isinstance(proof, Checkpoint):
        wrong, notes = signature_findings(proof, key)
        return Proven("", tuple(map(str, wrong)), tuple(map(str, notes)))
    own = proof.checkpoint if kept is None else read_checkpoint(kept)
    problems = [*_of_line(proof), *_of_chain(proof), *_of_own(proof, own)]
    wrong, notes = signature_findings(own, key)
    return Proven(proof.event_id, (*problems, *map(str, wrong)), tuple(map(str, notes)))


def _manifests(proof: Proof) -> list[Manifest | str]:
    return [parse(text.encode(), Manifest, MANIFEST_FORMAT) for text in proof.manifests]


def _of_line(proof: Proof) -> list[str]:
    if event_id_of(proof.line.encode()) != proof.event_id:
        return [f"the line is not that of {proof.event_id}"]
    vouched: list[Open | Manifest] = [each for each in _manifests(proof)[:1] if isinstance(each, Manifest)]
    vouched = vouched or [each for each in proof.checkpoint.open if each.file == proof.file]
    if not vouched or name_of(vouched[0]) != proof.file:
        return [f"nothing in it vouches for {proof.file}"]
    if not all(map(_is_hash, proof.path)):
        return ["the path does not hold hashes"]
    path = [bytes.fromhex(each) for each in proof.path]
    root = root_from(leaf_hash(proof.line.encode()), proof.index, vouched[0].lines, path)
    return [] if root is not None and root.hex() == vouched[0].merkle_root else ["the line does not lead to the root"]


def _of_chain(proof: Proof) -> list[str]:
    """Return where the manifests do not follow on one another up to the head."""
    problems = []
    before = None
    for text, found in zip(proof.manifests, _manifests(proof), strict=True):
        if isinstance(found, str):
            problems.append(f"a manifest is {found}")
        elif before is not None and found.previous != before:
            problems.append(f"the manifest of {found.segment} does not follow on the one before it")
        before = sha256_hex(text.encode())
    if proof.manifests and before != proof.checkpoint.head:
        problems.append("the manifests do not lead to the head of the checkpoint")
    own = proof.checkpoint
    if own.format != CHECKPOINT_FORMAT or own.digest != own.expected_digest():
        problems.append("the checkpoint in it was altered")
    return problems


def _of_own(proof: Proof, own: Checkpoint) -> list[str]:
    """Return why the proof does not lead to this checkpoint."""
    if own.digest == proof.checkpoint.digest:
        return []
    hashes = {sha256_hex(text.encode()) for text in proof.manifests}
    if hashes & {own.head, *(found for _, found in own.seen)}:
        return []
    opened = {each.file: each for each in proof.checkpoint.open}.get(proof.file)
    if not proof.manifests and opened is not None and opened in own.open:
        return []
    return ["the proof does not lead to this checkpoint; make it with --checkpoint"]
