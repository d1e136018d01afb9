"""Folders of logs for the tests of evidence: segments made by renaming, as rotation makes them."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING

from logs import START_NS, failed_run, good_run, lines
from patternspan.evidence.seal import seal
from patternspan.model.wire import decode

if TYPE_CHECKING:
    from pathlib import Path

LIVE = "pattern_events.jsonl"


def name(number: int, suffix: str = ".jsonl") -> str:
    """Return the name of a file of a segment."""
    return f"pattern_events.{number:08d}{suffix}"


def some_lines(number: int) -> bytes:
    """Return the lines of a run that went well and of one that did not, other ones for each number."""
    start = START_NS + number * 60_000_000_000
    return lines(good_run(2 * number, start)) + lines(failed_run(2 * number + 1, start))


def folder_of(place: Path, parts: list[bytes], live: bytes = b"") -> Path:
    """Write these segments and the live log, and index them as rotation does."""
    folder = place / "state" / "events"
    folder.mkdir(parents=True)
    index = b""
    for number, data in enumerate(parts, 1):
        (folder / LIVE).write_bytes(data)
        (folder / LIVE).rename(folder / name(number))
        index += closed_line(number, data)
    (folder / "pattern_events.index.jsonl").write_bytes(index)
    (folder / LIVE).write_bytes(live)
    return folder


def closed_line(number: int, data: bytes) -> bytes:
    """Return the line of the index for a segment."""
    members = {"segment": name(number), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return json.dumps(members).encode() + b"\n"


def sealed(place: Path, count: int = 3, live: bytes | None = None) -> Path:
    """Return a folder with so many sealed segments and a live log."""
    folder = folder_of(place, [some_lines(each) for each in range(count)], some_lines(99) if live is None else live)
    assert len(seal(folder, grace=0).segments) == count
    return folder


def compress(folder: Path, number: int) -> None:
    """Compress a segment, as rotation does."""
    plain = folder / name(number)
    (folder / name(number, ".jsonl.gz")).write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    plain.unlink()


def remove(folder: Path, number: int) -> None:
    """Remove a segment as retention does."""
    members = {"segment": name(number), "removed_at": "2025-12-01T00:00:00.000000Z", "reason": "keep_days", "lines": 15}
    with (folder / "pattern_events.index.jsonl").open("ab") as file:
        file.write(json.dumps(members).encode() + b"\n")
    for suffix in (".jsonl", ".jsonl.gz"):
        (folder / name(number, suffix)).unlink(missing_ok=True)


LINES = some_lines(1).splitlines()
IDS = [decode(line).event_id for line in LINES]
STRANGE = LINES[4].replace(b"in_progress", b"success")


def text(lines: list[bytes]) -> bytes:
    """Return the text of these lines."""
    return b"".join(line + b"\n" for line in lines)


def without(*places: int) -> bytes:
    """Return the text of the lines but for those at these places."""
    return text([line for at, line in enumerate(LINES) if at not in places])


WHOLE = text(LINES)
