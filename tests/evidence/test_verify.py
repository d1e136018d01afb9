"""Whatever is changed in a sealed log is found, and has a name and a place; what was not changed is never blamed."""

from __future__ import annotations

import gzip
import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest
from sealed import (
    IDS,
    LINES,
    LIVE,
    STRANGE,
    WHOLE,
    closed_line,
    compress,
    folder_of,
    name,
    remove,
    sealed,
    some_lines,
    text,
    without,
)

from patternspan import NotFoundError, seal, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHANGES = [
    ("altered", 5, IDS[4], text([*LINES[:4], STRANGE, *LINES[5:]])),
    ("altered", 5, IDS[4], text([*LINES[:4], LINES[4][:-1], *LINES[5:]])),
    ("altered", 14, IDS[13], WHOLE[:-1] + b"\x0b"),
    ("altered", 3, IDS[2], WHOLE.replace(LINES[2] + b"\n", LINES[2] + b"\x00")),
    ("removed", 5, "", without(4)),
    ("removed", 1, "", without(0)),
    ("removed", 3, "", without(2, 3, 4)),
    ("inserted", 5, IDS[4], text([*LINES[:4], STRANGE, *LINES[4:]])),
    ("inserted", 8, IDS[2], text([*LINES[:7], LINES[2], *LINES[7:]])),
    ("inserted", 15, IDS[4], text([*LINES, STRANGE])),
    ("inserted", 15, "", WHOLE + b"\n"),
    ("moved", 3, IDS[6], text([*LINES[:2], LINES[6], *LINES[3:6], LINES[2], *LINES[7:]])),
    ("moved", 1, IDS[13], text([LINES[13], *LINES[:13]])),
    ("cut off", 14, "", without(13)),
    ("cut off", 10, "", WHOLE[: len(text(LINES[:9])) + 7]),
    ("cut off", 14, "", WHOLE[:-1]),
    ("cut off", 1, "", b""),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sealed segments and a live log."""
    return sealed(tmp_path)


@pytest.mark.parametrize(("kind", "line", "event_id", "data"), CHANGES, ids=lambda value: str(value)[:12])
@pytest.mark.parametrize("compressed", [False, True])
def test_each_kind_of_change_has_its_name_and_place(
    folder: Path, kind: str, line: int, event_id: str, data: bytes, compressed: bool
) -> None:
    """File, line, event and kind; the other segments are as they were."""
    (folder / name(2)).write_bytes(data)
    if compressed:
        compress(folder, 2)
    found = verify(folder)
    path = str(folder / name(2)) + ".gz" * compressed
    changed = [(each.kind, each.path, each.line, each.event_id) for each in found.problems if each.kind != "index"]
    assert changed == [(kind, path, line, event_id)]
    assert not found.ok


def test_nothing_changed(folder: Path) -> None:
    """All counts, no problem and no note; nothing is written."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = verify(folder)
    assert (found.problems, found.notes, found.ok) == ((), (), True)
    assert (found.segments, found.lines, found.unsealed_lines) == (3, 42, 14)
    assert str(found).splitlines()[-2:] == ["14 lines since the last seal are not sealed", "ok"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_compressed_segment_is_the_same(folder: Path) -> None:
    """What counts are the bytes without compression; a plain copy that is left beside does no harm."""
    compress(folder, 1)
    assert verify(folder).segments == 3
    (folder / name(1)).write_bytes(some_lines(0))
    assert verify(folder).ok


def test_of_two_copies_both_are_checked(folder: Path) -> None:
    """A reader may take either."""
    whole = (folder / name(1)).read_bytes()
    (folder / name(1)).write_bytes(whole.replace(b"semgrep", b"nothing"))
    compress(folder, 1)
    (folder / name(1)).write_bytes(whole)
    (found,) = verify(folder).problems
    assert (found.kind, found.path) == ("altered", str(folder / name(1, ".jsonl.gz")))


def test_a_log_that_is_written_rotated_sealed_and_compressed_meanwhile(tmp_path: Path) -> None:
    """Nothing is blamed that goes on while it is looked at."""
    folder = folder_of(tmp_path, [some_lines(0)], b"")
    index = folder / "pattern_events.index.jsonl"
    done = threading.Event()

    def work() -> None:
        for number in range(2, 60):
            data = some_lines(number)
            (folder / LIVE).write_bytes(data)
            (folder / LIVE).rename(folder / name(number))
            with index.open("ab") as file:
                file.write(closed_line(number, data))
            seal(folder, grace=0)
            packed = folder / name(number, ".jsonl.gz.tmp")
            packed.write_bytes(gzip.compress(data))
            packed.rename(folder / name(number, ".jsonl.gz"))
            (folder / name(number)).unlink()
            if number > 6:
                remove(folder, number - 5)
        done.set()

    remove(folder, 1)
    worker = threading.Thread(target=work)
    worker.start()
    found = [verify(folder)]
    while not done.is_set():
        found.append(verify(folder))
    worker.join()
    assert [each.problems for each in found if not each.ok] == []
    assert len(found) > 3


def test_a_damaged_compressed_segment(folder: Path) -> None:
    """It says how far it can be read."""
    compress(folder, 2)
    path = folder / name(2, ".jsonl.gz")
    path.write_bytes(path.read_bytes()[:-9])
    (found,) = verify(folder).problems
    assert (found.kind, found.path) == ("unreadable", str(path))


def turn(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def swap(left: Path, right: Path) -> None:
    beside = left.with_name("beside")
    left.rename(beside)
    right.rename(left)
    beside.rename(right)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: swap(f / name(1), f / name(3)), [("moved", name(1)), ("moved", name(3))]),
        (lambda f: (f / name(2)).unlink(), [("missing", "")]),
        (lambda f: (f / name(1)).unlink(), [("missing", "")]),
        (lambda f: (f / name(3)).unlink(), [("missing", "")]),
        (lambda f: (f / name(1)).rename(f / name(9)), [("missing", ""), ("missing", "")]),
        (lambda f: turn(f / name(3, ".manifest.json"), b'T', b't'), [("manifest", name(3, ".manifest.json"))]),
        (lambda f: (f / name(1, ".manifest.json")).unlink(), [("manifest", name(1, ".manifest.json"))]),
        (lambda f: (f / name(2, ".manifest.json")).unlink(), [("manifest", name(2, ".manifest.json"))]),
        (
            lambda f: swap(f / name(1, ".manifest.json"), f / name(2, ".manifest.json")),
            [("manifest", name(1, ".manifest.json")), ("manifest", name(2, ".manifest.json"))],
        ),
        (lambda f: (f / name(2, ".leaves")).unlink(), [("leaves", name(2, ".leaves"))]),
        (lambda f: turn(f / name(2, ".leaves"), b"\x00", b"\x01"), [("leaves", name(2, ".leaves"))]),
        (lambda f: swap(f / name(1, ".leaves"), f / name(2, ".leaves")),
         [("leaves", name(1, ".leaves")), ("leaves", name(2, ".leaves"))]),
    ],
)  # fmt: skip
def test_whole_files(folder: Path, change: Callable[[Path], None], expected: list[tuple[str, str]]) -> None:
    """Segments, manifests and line hashes that were swapped, taken away or edited are named."""
    change(folder)
    found = verify(folder).problems
    assert [(each.kind, os.path.basename(each.path)) for each in found] == expected


def test_a_manifest_that_was_written_anew(tmp_path: Path) -> None:
    """Segment and manifest agree, but the next segment was sealed after another one."""
    folder = sealed(tmp_path)
    other = folder_of(tmp_path / "other", [text([STRANGE])])
    seal(other, grace=0)
    for suffix in (".jsonl", ".manifest.json", ".leaves"):
        shutil.copy(other / name(1, suffix), folder / name(1, suffix))
    found = verify(folder).problems
    assert [(each.kind, os.path.basename(each.path)) for each in found] == [
        ("manifest", name(1, ".manifest.json")),
        ("index", name(1)),
    ]


def test_a_segment_without_a_manifest_is_still_compared(folder: Path) -> None:
    """The line hashes name the change, though nothing vouches for them."""
    (folder / name(1, ".manifest.json")).unlink()
    (folder / name(1)).write_bytes(some_lines(0)[:-5])
    assert [each.kind for each in verify(folder).problems] == ["manifest", "altered"]


def test_without_the_line_hashes_the_segment_is_named(folder: Path) -> None:
    """But not the line."""
    (folder / name(2, ".leaves")).unlink()
    (folder / name(2)).write_bytes(without(3))
    assert [(each.kind, each.line) for each in verify(folder).problems] == [("leaves", 0), ("altered", 0)]


def test_removal_by_retention_is_told(folder: Path) -> None:
    """The oldest go first, their manifests stay, and the chain holds."""
    remove(folder, 1)
    remove(folder, 2)
    found = verify(folder)
    assert (found.ok, found.segments) == (True, 1)
    assert [str(note) for note in found.notes] == ["segments 1 to 2 were removed by retention on 2025-12-01, 30 lines"]


def test_a_removal_out_of_turn_is_told(folder: Path) -> None:
    """Retention takes the oldest first, but for a clock that was set, or a segment that was never closed."""
    remove(folder, 2)
    found = verify(folder)
    assert found.ok
    assert [str(note) for note in found.notes] == [
        "segment 2 was removed by retention on 2025-12-01, 15 lines",
        "segment 2 was removed out of turn: older segments are still there",
    ]


def test_late_lines_are_explained_where_a_later_file_has_them(folder: Path) -> None:
    """A writer that was stopped for long appends to a closed segment, and again to the live log."""
    late = some_lines(99).splitlines()[3:5]
    with (folder / name(2)).open("ab") as file:
        file.write(text(late))
    found = verify(folder)
    assert (found.ok, found.segments) == (True, 3)
    assert [(note.kind, note.line, note.text) for note in found.notes] == [
        ("late", 15, "2 lines came late, after the segment was closed; later files have them too")
    ]


def test_late_lines_that_were_sealed_and_then_left_out(tmp_path: Path) -> None:
    """Closing read the segment before they came, and compresses it without them; the index came after the seal."""
    data, late = some_lines(0), some_lines(1).splitlines(True)[0]
    folder = folder_of(tmp_path, [data + late], some_lines(1))
    (folder / "pattern_events.index.jsonl").unlink()
    seal(folder, grace=0)
    (folder / name(1)).write_bytes(data)
    assert [each.kind for each in verify(folder).problems] == ["cut off"]
    (folder / "pattern_events.index.jsonl").write_bytes(closed_line(1, data))
    compress(folder, 1)
    found = verify(folder)
    assert (found.ok, [(note.kind, note.line) for note in found.notes]) == (True, [("late", 15)])
    (folder / LIVE).write_bytes(b"")
    assert [each.kind for each in verify(folder).problems] == ["cut off"]


def test_a_late_line_behind_a_torn_end(tmp_path: Path) -> None:
    """The newline that the late writer sets before its line is none of tampering."""
    live = some_lines(9)
    folder = folder_of(tmp_path, [WHOLE[:-30]], live)
    seal(folder, grace=0)
    with (folder / name(1)).open("ab") as file:
        file.write(b"\n" + live.splitlines()[0] + b"\n")
    found = verify(folder)
    assert [(note.kind, note.line) for note in found.notes] == [("late", 15), ("torn", 14)]
    assert found.ok


def test_lines_that_were_torn_when_they_were_sealed_are_no_tampering(tmp_path: Path) -> None:
    """A torn end, a line cut by a crash, glued lines: told with their places."""
    cut, glued = LINES[2][:90], LINES[5][:70] + LINES[6]
    folder = folder_of(tmp_path, [text([*LINES[:2], cut, *LINES[3:5], glued]) + LINES[7][:50]])
    seal(folder, grace=0)
    found = verify(folder)
    assert (found.ok, found.segments, found.lines) == (True, 1, 7)
    assert [(note.kind, note.line, note.event_id) for note in found.notes] == [
        ("torn", 3, IDS[2]),
        ("torn", 6, IDS[5]),
        ("torn", 7, IDS[7]),
    ]


def test_torn_lines_of_the_live_log_are_told(tmp_path: Path) -> None:
    """With what is not sealed."""
    folder = sealed(tmp_path, 1, live=LINES[0] + b"\n" + LINES[1][:20])
    found = verify(folder)
    assert (found.ok, found.unsealed_lines) == (True, 2)
    assert [(note.kind, note.path, note.line) for note in found.notes] == [("torn", str(folder / LIVE), 2)]


def test_a_segment_that_is_not_sealed_is_held_to_the_index(tmp_path: Path) -> None:
    """Between closing and sealing the hash in the index is all that there is."""
    folder = folder_of(tmp_path, [WHOLE])
    (folder / name(1)).write_bytes(without(3))
    (found,) = verify(folder).problems
    assert (found.kind, found.path) == ("cut off", str(folder / name(1)))


def test_the_index_and_the_seal_must_agree(folder: Path) -> None:
    """An index that says otherwise is named."""
    (folder / "pattern_events.index.jsonl").write_bytes(closed_line(1, WHOLE[:-1] + b"x"))
    assert [each.kind for each in verify(folder).problems] == ["index"]


def test_a_folder_without_anything(tmp_path: Path) -> None:
    """An empty folder is well; none is not found."""
    assert verify(tmp_path).ok
    with pytest.raises(NotFoundError):
        verify(tmp_path / "none")
