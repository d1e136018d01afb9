"""The manifest of a sealed segment, and JSON in the one form that has a hash."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any, Final, Self, TypeVar

import msgspec

from patternspan.evidence.segments import STEM, segment_name
from patternspan.files import regular

MANIFEST_FORMAT: Final = "patternspan.manifest.v1"
_MANIFEST: Final = re.compile(re.escape(STEM) + r"\.([0-9]{8,18})\.manifest\.json")

Digested = TypeVar("Digested", bound="Sealable")


def canonical(members: Any) -> bytes:
    """Return JSON with sorted names, no blanks and nothing but ASCII: equal values, equal bytes."""
    return json.dumps(members, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


class Sealable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that is written with the SHA-256 of the rest of it in `digest`, so that a changed byte shows."""

    digest: str = ""

    def digested(self) -> Self:
        """Return the same with its digest."""
        return msgspec.structs.replace(self, digest=self.expected_digest())

    def expected_digest(self) -> str:
        """Return the digest that these members have."""
        members = msgspec.to_builtins(self)
        del members["digest"]
        return sha256_hex(canonical(members))

    def to_bytes(self) -> bytes:
        """Return the bytes of its file, with its newline."""
        return canonical(msgspec.to_builtins(self)) + b"\n"


def parse(data: bytes, kind: type[Digested], form: str) -> Digested | str:
    """Return the value that a file holds, or what is wrong with the file."""
    try:
        value = msgspec.json.decode(data, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"not readable: {error}"
    if getattr(value, "format", "") != form:
        return f"not of the form {form}"
    if value.to_bytes() != data or value.digest != value.expected_digest():
        return "altered: its digest is not that of its members"
    return value


class Manifest(Sealable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a closed segment was when it was sealed."""

    format: str = MANIFEST_FORMAT
    segment: str
    lines: int
    bytes: int
    """Of the segment without compression."""
    first_event_id: str | None
    first_timestamp: str | None
    last_event_id: str | None
    last_timestamp: str | None
    sha256: str
    """Of the bytes without compression."""
    merkle_root: str
    """Of the lines, as RFC 6962 has it."""
    previous: str | None
    """SHA-256 of the file of the manifest before; null in the first."""
    sealed_at: str


class Stored(msgspec.Struct, frozen=True):
    """A manifest as it stands in its folder."""

    number: int
    path: str
    data: bytes
    manifest: Manifest | None
    problem: str
    """What is wrong with it, where there is no `manifest`."""

    @property
    def hash(self) -> str:
        """What the next manifest holds as `previous`."""
        return sha256_hex(self.data)


def manifest_path(folder: str, number: int) -> str:
    """Return where the manifest of a segment stands."""
    return os.path.join(folder, f"{STEM}.{number:08d}.manifest.json")


def leaves_path(folder: str, number: int) -> str:
    """Return where the hashes of the lines of a segment stand."""
    return os.path.join(folder, f"{STEM}.{number:08d}.leaves")


def manifest_numbers(folder: str) -> list[int]:
    """Return the numbers of the segments that have a manifest, in order."""
    return sorted(int(match[1]) for match in map(_MANIFEST.fullmatch, os.listdir(folder)) if match is not None)


def read_manifest(folder: str, number: int) -> Stored:
    """Return a manifest as it stands, sound or not."""
    path = manifest_path(folder, number)
    try:
        with open(path, "rb", opener=regular) as file:
            data = file.read(1 << 20)
    except OSError as error:
        return Stored(number, path, b"", None, error.strerror or str(error))
    found = parse(data, Manifest, MANIFEST_FORMAT)
    if isinstance(found, str):
        return Stored(number, path, data, None, found)
    if found.segment != segment_name(number):
        return Stored(number, path, data, None, f"moved: it is that of {found.segment}")
    return Stored(number, path, data, found, "")


def read_manifests(folder: str) -> dict[int, Stored]:
    """Return all manifests of a folder by number."""
    return {number: read_manifest(folder, number) for number in manifest_numbers(folder)}


def read_leaves(folder: str, number: int) -> bytes | None:
    """Return the hashes of the lines of a segment as they stand; None where they cannot be read."""
    try:
        with open(leaves_path(folder, number), "rb", opener=regular) as file:
            return file.read()
    except OSError:
        return None
