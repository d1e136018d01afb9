"""A checkpoint: what a log was at one moment, small enough to be kept where the log's writers cannot reach it."""

from __future__ import annotations

import os
import socket
import time
from typing import Final

import msgspec

from patternspan.aggregate.plain import counted
from patternspan.errors import LineError, NotFoundError
from patternspan.evidence.manifest import Sealable, Stored, canonical, parse
from patternspan.evidence.merkle import SIZE, root_of
from patternspan.evidence.segments import Segment, folder_of, pieces
from patternspan.evidence.state import State, line_hashes, look
from patternspan.model.ids import timestamp

CHECKPOINT_FORMAT: Final = "patternspan.checkpoint.v1"
_RECENT: Final = 16


class Open(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that was not sealed yet: its whole lines at that moment."""

    file: str
    number: int
    """The number of the segment that it is, or would have become as the next."""
    lines: int
    bytes: int
    merkle_root: str


class Checkpoint(Sealable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a log was at one moment; `str()` of it is for people."""

    format: str = CHECKPOINT_FORMAT
    origin: str
    """Which log, in words of whoever made this."""
    time: str
    segments: int
    """That were sealed."""
    lines: int
    """In the sealed segments and the open files together."""
    head: str | None
    """SHA-256 of the newest manifest, which holds that of the one before, and so on; null where none is sealed."""
    head_number: int
    seen: tuple[tuple[int, str], ...]
    """Numbers and hashes of some manifests, the newest all, older ones ever more rarely: to tell where logs part."""
    open: tuple[Open, ...]
    key: str | None = None
    """The public key of the signer in hexadecimal; null where nobody signed."""
    signature: str | None = None
    """Of `signed_bytes`, in hexadecimal."""

    def signed_bytes(self) -> bytes:
        """Return what the signature is of: the canonical JSON of all members but `signature` and `digest`."""
        members = msgspec.to_builtins(self)
        del members["signature"], members["digest"]
        return canonical(members)

    def __str__(self) -> str:
        signed = f"signed by {self.key[:16]}" if self.key else "not signed"
        return (
            f"checkpoint of {self.origin} at {self.time}: {counted(self.segments, 'sealed segment')},"
            f" {counted(self.lines, 'line')}, head {(self.head or 'none')[:16]}, {signed}"
        )


def checkpoint(
    events_dir: str | os.PathLike[str] | None = None,
    *,
    key: str | os.PathLike[str] | None = None,
    origin: str | None = None,
) -> Checkpoint:
    """Return what a log is now: its seals, and the whole lines of what is not sealed yet.

    `key` is the file of an Ed25519 private key that signs it, `origin` names the log (host and folder where it is not
    given). Keep `to_bytes()` of it elsewhere: `verify` then sees a log that was cut off or written anew.
    Raises NotFoundError where there is no such folder, MissingExtraError where `cryptography` is wanted and missing.
    """
    folder = folder_of(events_dir)
    for _ in range(5):
        try:
            found = _made(look(folder), origin)
        except FileNotFoundError:
            continue
        return found.digested() if key is None else signed(found, key)
    raise NotFoundError(f"{folder}: its files came and went while they were read")


def signed(found: Checkpoint, key: str | os.PathLike[str]) -> Checkpoint:
    """Return the checkpoint with the signature of the private key in this file."""
    from patternspan.evidence.keys import read_private

    private = read_private(key)
    named = msgspec.structs.replace(found, key=private.public_key().public_bytes_raw().hex(), signature=None)
    signature = private.sign(named.signed_bytes()).hex()
    return msgspec.structs.replace(named, signature=signature).digested()


def read_checkpoint(given: Checkpoint | str | os.PathLike[str]) -> Checkpoint:
    """Return a checkpoint from its file. Raises NotFoundError, or LineError where it is none or was altered."""
    if isinstance(given, Checkpoint):
        return given
    try:
        with open(given, "rb") as file:
            data = file.read(1 << 20)
    except FileNotFoundError:
        raise NotFoundError(f"{os.fspath(given)}: no such checkpoint") from None
    found = parse(data, Checkpoint, CHECKPOINT_FORMAT)
    if isinstance(found, str):
        raise LineError(f"{os.fspath(given)}: {found}")
    return found


def _made(state: State, origin: str | None) -> Checkpoint:
    manifests = sorted(state.manifests.items())
    opened = list(_open_files(state))
    sealed = sum(stored.manifest.lines for _, stored in manifests if stored.manifest is not None)
    return Checkpoint(
        origin=f"{socket.gethostname()}:{os.path.abspath(state.folder)}" if origin is None else origin,
        time=timestamp(time.time_ns()),
        segments=len(manifests),
        lines=sealed + sum(each.lines for each in opened),
        head=manifests[-1][1].hash if manifests else None,
        head_number=manifests[-1][0] if manifests else 0,
        seen=tuple(_some(manifests)),
        open=tuple(opened),
    )


def _some(manifests: list[tuple[int, Stored]]) -> list[tuple[int, str]]:
    """Return the newest ones, and older ones in steps that double."""
    at, step, found = len(manifests) - 1, 1, []
    while at >= 0:
        found.append((manifests[at][0], manifests[at][1].hash))
        step = step * 2 if len(found) > _RECENT else 1
        at -= step
    return found[::-1]


def _open_files(state: State) -> list[Open]:
    last = max(state.numbers(), default=0)
    files = [segment for number, segment in sorted(state.segments.items()) if number not in state.manifests]
    return [_opened(segment, segment.number or last + 1) for segment in [*files, *state.others]]


def _opened(segment: Segment, number: int) -> Open:
    """Return the whole lines of a file; what may still be being written is left out."""
    size = whole = 0
    for data in pieces(segment):
        end = data.rfind(b"\n") + 1
        whole = size + end if end else whole
        size += len(data)
    hashes = line_hashes(segment, limit=whole)
    return Open(
        file=segment.name,
        number=number,
        lines=len(hashes) // SIZE,
        bytes=whole,
        merkle_root=root_of(hashes).hex(),
    )
