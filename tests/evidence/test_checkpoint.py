"""A checkpoint that was kept elsewhere shows a log that was cut off, written anew, or is another one."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealed import LIVE, closed_line, compress, folder_of, name, remove, sealed, some_lines

from patternspan import ConfigError, LineError, NotFoundError, checkpoint, seal, verify
from patternspan.evidence.checkpoint import read_checkpoint
from patternspan.evidence.keys import make_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from patternspan.evidence.report import Verification


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sealed segments and a live log."""
    return sealed(tmp_path)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    """A private and a public key."""
    return make_key(tmp_path / "key")


def kinds(found: Verification) -> list[tuple[str, str, int]]:
    return [(each.kind, os.path.basename(each.path), each.line) for each in found.problems]


def test_what_a_checkpoint_holds(folder: Path) -> None:
    """Seals, lines, the head, and the root of what is not sealed; bytes that are read back as they were."""
    found = checkpoint(folder, origin="the log of the build farm")
    assert (found.origin, found.segments, found.lines, found.head_number) == ("the log of the build farm", 3, 56, 3)
    assert [(each.file, each.number, each.lines, each.bytes) for each in found.open] == [
        (LIVE, 4, 14, len(some_lines(99)))
    ]
    assert (found.key, found.signature) == (None, None)
    path = folder.parent / "kept.json"
    path.write_bytes(found.to_bytes())
    assert read_checkpoint(path) == found


def test_nothing_changed(folder: Path) -> None:
    """Also after more was written, closed, sealed, compressed and removed."""
    kept = checkpoint(folder)
    assert verify(folder, checkpoint=kept).ok
    with (folder / LIVE).open("ab") as file:
        file.write(some_lines(100))
    assert verify(folder, checkpoint=kept).ok
    closed = (folder / LIVE).read_bytes()
    (folder / LIVE).rename(folder / name(4))
    with (folder / "pattern_events.index.jsonl").open("ab") as file:
        file.write(closed_line(4, closed))
    assert verify(folder, checkpoint=kept).ok
    (folder / LIVE).write_bytes(some_lines(101))
    assert len(seal(folder, grace=0).segments) == 1
    compress(folder, 4)
    assert verify(folder, checkpoint=kept).ok
    for number in (1, 2, 3):
        remove(folder, number)
    assert verify(folder, checkpoint=kept).ok


def test_a_removed_segment_that_was_open_is_still_checked(folder: Path) -> None:
    """By the hashes of its lines, where they are still there; else it is said that nobody can."""
    kept = checkpoint(folder)
    (folder / LIVE).rename(folder / name(4))
    seal(folder, grace=0)
    for number in (1, 2, 3):
        remove(folder, number)
    (folder / "pattern_events.index.jsonl").open("ab").write(
        b'{"segment":"' + name(4).encode() + b'","removed_at":"2025-12-02","lines":14,"reason":"keep_days"}\n'
    )
    (folder / name(4)).unlink()
    found = verify(folder, checkpoint=kept)
    assert found.ok
    assert "segment 4 was sealed with the lines that the checkpoint saw" in map(str, found.notes)
    (folder / name(4, ".leaves")).unlink()
    found = verify(folder, checkpoint=kept)
    assert found.ok
    assert "segment 4, open at the checkpoint, was removed on 2025-12-02: not checked" in map(str, found.notes)


def test_another_tools_rotation_is_followed(folder: Path) -> None:
    """The live log of then is `.1` now."""
    kept = checkpoint(folder)
    (folder / LIVE).rename(folder / (LIVE + ".1"))
    (folder / LIVE).write_bytes(some_lines(100))
    assert verify(folder, checkpoint=kept).ok


@pytest.mark.parametrize("size", [0, 1, 100, len(some_lines(99)) - 1])
def test_a_cut_off_end_is_seen(folder: Path, size: int) -> None:
    """The live log alone cannot tell: the checkpoint does, and says how far it goes."""
    kept = checkpoint(folder)
    data = some_lines(99)[:size]
    (folder / LIVE).write_bytes(data)
    assert verify(folder).ok
    lines = len(data.splitlines())
    assert kinds(verify(folder, checkpoint=kept)) == [("cut off", LIVE, lines)]


def test_an_unfinished_line_is_no_part_of_a_checkpoint(folder: Path) -> None:
    """Its writer may be at work, or may have been killed: neither is cutting off."""
    whole = (folder / LIVE).read_bytes()
    (folder / LIVE).write_bytes(whole + b'{"event_id":"EV')
    kept = checkpoint(folder)
    assert kept.open[0].bytes == len(whole)
    (folder / LIVE).write_bytes(whole + b'{"event_id":"EV\n' + some_lines(100))
    assert verify(folder, checkpoint=kept).ok


def drop(folder: Path, number: int) -> None:
    """Remove all trace of a segment."""
    for suffix in (".jsonl", ".manifest.json", ".leaves"):
        (folder / name(number, suffix)).unlink()
    index = folder / "pattern_events.index.jsonl"
    index.write_bytes(
        b"".join(line for line in index.read_bytes().splitlines(True) if name(number).encode() not in line)
    )


def test_the_newest_segment_dropped_with_its_manifest(folder: Path) -> None:
    """Nothing that is left speaks of it: only the checkpoint does."""
    kept = checkpoint(folder)
    drop(folder, 3)
    assert verify(folder).ok
    found = verify(folder, checkpoint=kept)
    assert kinds(found) == [("cut off", "", 0)]
    assert f"saw {name(3)} sealed, and the seals end with {name(2)}" in str(found)


def test_everything_dropped(folder: Path) -> None:
    """Only the live log is left."""
    kept = checkpoint(folder)
    for number in (1, 2, 3):
        drop(folder, number)
    assert [kind for kind, _, _ in kinds(verify(folder, checkpoint=kept))] == ["cut off"]


def rewrite(folder: Path, number: int) -> None:
    """Write a segment and all later seals anew, as somebody does who can write all files."""
    kept = {each: (folder / name(each)).read_bytes() for each in (1, 2, 3)}
    kept[number] = kept[number].replace(b"semgrep", b"nothing")
    for each in (1, 2, 3):
        drop(folder, each)
    for each, data in kept.items():
        (folder / name(each)).write_bytes(data)
    seal(folder, grace=0)


def test_history_that_was_written_anew(tmp_path: Path) -> None:
    """All seals agree with one another, but not with the checkpoint: the first that differs is named."""
    folder = sealed(tmp_path)
    kept = checkpoint(folder)
    shutil.copy(folder / name(1, ".manifest.json"), tmp_path / "first")
    rewrite(folder, 2)
    shutil.copy(tmp_path / "first", folder / name(1, ".manifest.json"))
    for number in (2, 3):
        (folder / name(number, ".manifest.json")).unlink()
    assert len(seal(folder, grace=0).segments) == 2
    assert verify(folder).ok
    found = verify(folder, checkpoint=kept)
    assert kinds(found) == [("checkpoint", name(2, ".manifest.json"), 0)]
    assert f"it is that of the checkpoint up to {name(1)}" in str(found)


def test_a_live_log_that_was_written_anew(folder: Path) -> None:
    """As long as it was, but not the same."""
    kept = checkpoint(folder)
    (folder / LIVE).write_bytes(some_lines(99).replace(b"semgrep", b"nothing") + some_lines(100))
    assert kinds(verify(folder, checkpoint=kept)) == [("checkpoint", LIVE, 0)]


def test_another_log_is_not_the_one_that_was_seen(folder: Path, tmp_path: Path) -> None:
    """A fork: the same beginning, and then another history."""
    shutil.copytree(folder, tmp_path / "fork")
    with (folder / LIVE).open("ab") as file:
        file.write(some_lines(100))
    with (tmp_path / "fork" / LIVE).open("ab") as file:
        file.write(some_lines(200) + some_lines(201))
    found = verify(tmp_path / "fork", checkpoint=checkpoint(folder))
    assert kinds(found) == [("checkpoint", LIVE, 0)]
    assert "fork" in str(found)


def test_of_many_segments_some_are_remembered(tmp_path: Path) -> None:
    """The newest all, older ones ever more rarely, the first difference within their steps."""
    folder = folder_of(tmp_path, [b"%d\n" % number for number in range(60)])
    seal(folder, grace=0)
    kept = checkpoint(folder)
    assert [number for number, _ in kept.seen] == [14, 30, 38, 42, *range(44, 61)]
    assert verify(folder, checkpoint=kept).ok


def test_signatures(folder: Path, keys: tuple[str, str], tmp_path: Path) -> None:
    """A checkpoint that is signed by the key holds; by another, or by none, it does not."""
    private, public = keys
    kept = checkpoint(folder, key=private)
    assert verify(folder, checkpoint=kept, key=public).ok
    _, other = make_key(tmp_path / "other")
    assert kinds(verify(folder, checkpoint=kept, key=other)) == [("checkpoint", "", 0)]
    assert kinds(verify(folder, checkpoint=checkpoint(folder), key=public)) == [("checkpoint", "", 0)]
    unasked = verify(folder, checkpoint=kept)
    assert unasked.ok
    assert any("give --key to check it" in str(note) for note in unasked.notes)


def test_keys_are_files_that_openssl_reads(tmp_path: Path) -> None:
    """The private one for its owner alone; none is overwritten."""
    private, public = make_key(tmp_path / "key")
    assert os.stat(private).st_mode & 0o777 == 0o600
    with open(private) as file, open(public) as other:
        assert (file.readline(), other.readline()) == ("-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PUBLIC KEY-----\n")
    with pytest.raises(ConfigError, match="never overwritten"):
        make_key(tmp_path / "key")


def test_a_signature_is_of_everything(folder: Path, keys: tuple[str, str], tmp_path: Path) -> None:
    """Who changes a member and makes the digest fit has no signature."""
    kept = checkpoint(folder, key=keys[0])
    forged = json.loads(kept.to_bytes())
    forged["lines"] += 1
    path = tmp_path / "forged.json"
    path.write_bytes(json.dumps(forged, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    with pytest.raises(LineError, match="altered"):
        verify(folder, checkpoint=path)
    fitting = read_forged(forged)
    assert verify(folder, checkpoint=fitting).ok
    assert kinds(verify(folder, checkpoint=fitting, key=keys[1])) == [("checkpoint", "", 0)]


def read_forged(members: dict[str, Any]) -> Any:
    import msgspec

    from patternspan.evidence.checkpoint import Checkpoint

    return msgspec.convert(members, Checkpoint).digested()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_bit_of_a_checkpoint_counts(kept_file: Path, data: st.DataObject) -> None:
    """A file with a bit turned over is refused."""
    old = kept_file.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(old) - 1))
    other = kept_file.with_name("other.json")
    other.write_bytes((int.from_bytes(old, "big") ^ 1 << bit).to_bytes(len(old), "big"))
    with pytest.raises(LineError):
        read_checkpoint(other)


@pytest.fixture(scope="module")
def kept_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed checkpoint in a file."""
    place = tmp_path_factory.mktemp("kept")
    private, _ = make_key(place / "key")
    path = place / "kept.json"
    path.write_bytes(checkpoint(sealed(place), key=private).to_bytes())
    return path


def test_missing_files_are_not_found(folder: Path, tmp_path: Path) -> None:
    """Checkpoints and keys."""
    with pytest.raises(NotFoundError):
        verify(folder, checkpoint=tmp_path / "none")
    with pytest.raises(NotFoundError):
        checkpoint(folder, key=tmp_path / "none")


def test_what_is_no_key_is_a_usage_error(folder: Path, keys: tuple[str, str], tmp_path: Path) -> None:
    """Text, or the other half of the pair."""
    (tmp_path / "text").write_text("nonsense")
    for wrong in (tmp_path / "text", keys[1]):
        with pytest.raises(ConfigError):
            checkpoint(folder, key=wrong)
    with pytest.raises(ConfigError):
        verify(folder, checkpoint=checkpoint(folder, key=keys[0]), key=keys[0])


def test_without_cryptography_only_signatures_are_missing(folder: Path, python: Callable[..., Any]) -> None:
    """The error names the line that installs it."""
    done = python(
        """
        import sys
        sys.modules["cryptography"] = None
        import patternspan
        folder = sys.argv[1]
        kept = patternspan.checkpoint(folder)
        print(patternspan.verify(folder, checkpoint=kept).ok)
        try:
            patternspan.checkpoint(folder, key="any")
        except patternspan.MissingExtraError as error:
            print(error)
        """,
        str(folder),
    )
    assert done.stdout == (
        "True\nsignatures need the `cryptography` package: python -m pip install 'patternspan[audit]'\n"
    )
