"""Any change at all of a sealed log is found, whatever the log held: properties, by Hypothesis."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sealed import LINES, STRANGE, WHOLE, folder_of, name, sealed, text

from patternspan import seal, verify

if TYPE_CHECKING:
    from pathlib import Path

SMALL = st.binary(max_size=4)
"""Bytes in which newlines, equal lines and blank ones are frequent."""


@settings(max_examples=150, deadline=None)
@given(parts=st.lists(SMALL.map(lambda data: data * 3 + b"\n"), min_size=1, max_size=3), live=SMALL, data=st.data())
def test_any_change_of_any_sealed_bytes_is_found(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], live: bytes, data: st.DataObject
) -> None:
    """Whatever the log held, and whatever it holds now, unless the rest stands in a later file too."""
    place = tmp_path_factory.mktemp("any")
    folder = folder_of(place, parts, live)
    assert seal(folder, grace=0).problems == ()
    assert verify(folder).problems == ()
    number = data.draw(st.integers(1, len(parts)))
    old = parts[number - 1]
    begin = data.draw(st.integers(0, len(old)))
    end = data.draw(st.integers(begin, len(old)))
    new = old[:begin] + data.draw(st.binary(max_size=6)) + old[end:]
    (folder / name(number)).write_bytes(new)
    found = [each for each in verify(folder).problems if each.kind != "index"]
    assert {each.path for each in found} == (
        set() if is_excused(old, new, [*parts[number:], live]) else {str(folder / name(number))}
    )
    shutil.rmtree(place)


def is_excused(old: bytes, new: bytes, later: list[bytes]) -> bool:
    """Say whether lines were appended that later files have, or nothing was changed."""
    if not new.startswith(old):
        return False
    known = {line for part in later for line in _lines(part)}
    return all(line in known for line in _lines(new[len(old) :]))


def _lines(data: bytes) -> list[bytes]:
    found = data.split(b"\n")
    return found if found[-1] else found[:-1]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_bit_of_any_manifest_or_line_hash_counts(folder_of_three: Path, data: st.DataObject) -> None:
    """A bit that was turned over is found, and in that file."""
    suffix = data.draw(st.sampled_from([".manifest.json", ".leaves"]))
    path = folder_of_three / name(data.draw(st.integers(1, 3)), suffix)
    old = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(old) - 1))
    path.write_bytes((int.from_bytes(old, "big") ^ 1 << bit).to_bytes(len(old), "big"))
    found = verify(folder_of_three).problems
    path.write_bytes(old)
    assert [each.path for each in found] == [str(path)]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_one_change_of_a_line_is_named_exactly(folder_of_three: Path, data: st.DataObject) -> None:
    """Altered, removed, inserted, moved: the kind and the line."""
    path = folder_of_three / name(2)
    at, to = data.draw(st.lists(st.integers(0, 12), min_size=2, max_size=2, unique=True).map(sorted))
    swapped = LINES.copy()
    swapped[at], swapped[to] = swapped[to], swapped[at]
    kind, new = data.draw(
        st.sampled_from(
            [
                ("altered", [*LINES[:at], b"x" + LINES[at], *LINES[at + 1 :]]),
                ("removed", LINES[:at] + LINES[at + 1 :]),
                ("inserted", [*LINES[:at], STRANGE, *LINES[at:]]),
                ("moved", swapped),
                ("cut off", LINES[:at]),
            ]
        )
    )
    path.write_bytes(text(new))
    found = [(each.kind, each.line) for each in verify(folder_of_three).problems if each.kind != "index"]
    path.write_bytes(WHOLE)
    assert found == [(kind, at + 1)]


@settings(max_examples=80, deadline=None)
@given(size=st.integers(0, len(WHOLE) - 1))
@example(len(LINES[0]) + 1 + len(LINES[1]))
@example(len(WHOLE) - 1)
def test_a_segment_that_is_cut_off_at_any_byte(folder_of_three: Path, size: int) -> None:
    """The line is the first of which a character is missing, or the last where only its newline is."""
    path = folder_of_three / name(2)
    path.write_bytes(WHOLE[:size])
    found = [(each.kind, each.line) for each in verify(folder_of_three).problems if each.kind != "index"]
    path.write_bytes(WHOLE)
    assert found == [("cut off", min(14, WHOLE[: size + 1].count(b"\n") + 1))]


@pytest.fixture(scope="module")
def folder_of_three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for many examples, each of which puts back what it changes."""
    return sealed(tmp_path_factory.mktemp("three"))
