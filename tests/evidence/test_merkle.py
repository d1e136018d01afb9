"""Merkle trees are those of RFC 6962."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patternspan.evidence.merkle import (
    EMPTY,
    SIZE,
    LineHashes,
    Tree,
    leaf_hash,
    levels_of,
    path_in,
    root_from,
    root_of,
)

LINES = st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=70)


def naive_root(lines: list[bytes]) -> bytes:
    """Return the root by the definition of RFC 6962, section 2.1."""
    if not lines:
        return hashlib.sha256(b"").digest()
    if len(lines) == 1:
        return hashlib.sha256(b"\x00" + lines[0]).digest()
    split = 1
    while split * 2 < len(lines):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(lines[:split]) + naive_root(lines[split:])).digest()


def naive_path(index: int, lines: list[bytes]) -> list[bytes]:
    """Return the audit path by the definition of RFC 6962, section 2.1.1."""
    if len(lines) <= 1:
        return []
    split = 1
    while split * 2 < len(lines):
        split *= 2
    if index < split:
        return [*naive_path(index, lines[:split]), naive_root(lines[split:])]
    return [*naive_path(index - split, lines[split:]), naive_root(lines[:split])]


@settings(deadline=None)
@given(LINES)
def test_the_root_is_that_of_the_definition(lines: list[bytes]) -> None:
    """Of any number of lines, at once or in pieces."""
    leaves = b"".join(map(leaf_hash, lines))
    tree = Tree()
    for at in range(0, len(leaves), 3 * SIZE):
        tree.feed(leaves[at : at + 3 * SIZE])
    assert (root_of(leaves), tree.root(), tree.count) == (naive_root(lines), naive_root(lines), len(lines))


@pytest.mark.parametrize("count", [1 << 14, (1 << 14) + 1, (1 << 15) - 1, 3 << 14, (3 << 14) + 7])
def test_a_tree_that_is_folded_in_blocks_is_the_same(count: int) -> None:
    """Leaves are folded 16,384 at a time."""
    leaves = b"".join(number.to_bytes(SIZE, "big") for number in range(count))
    tree = Tree()
    for at in range(0, len(leaves), 5000 * SIZE):
        tree.feed(leaves[at : at + 5000 * SIZE])
    assert tree.root() == root_of(leaves)


@settings(deadline=None)
@given(LINES.filter(bool), st.data())
def test_a_path_leads_to_the_root(lines: list[bytes], data: st.DataObject) -> None:
    """The path is that of the definition, and leads from its leaf to the root."""
    index = data.draw(st.integers(0, len(lines) - 1))
    path = path_in(levels_of(b"".join(map(leaf_hash, lines))), index)
    assert path == naive_path(index, lines)
    assert root_from(leaf_hash(lines[index]), index, len(lines), path) == naive_root(lines)


@settings(deadline=None)
@given(st.sets(st.binary(max_size=3), min_size=1, max_size=70).map(sorted), st.data())
def test_a_path_that_was_changed_leads_elsewhere(lines: list[bytes], data: st.DataObject) -> None:
    """One bit, one hash too few or too many, another index."""
    index = data.draw(st.integers(0, len(lines) - 1))
    path = path_in(levels_of(b"".join(map(leaf_hash, lines))), index)
    leaf, root = leaf_hash(lines[index]), naive_root(lines)
    wrong = [[*path, leaf], *([path[:-1]] if path else [])]
    for at, found in enumerate(path):
        bit = data.draw(st.integers(0, 255))
        turned = (int.from_bytes(found, "big") ^ 1 << bit).to_bytes(SIZE, "big")
        wrong.append([*path[:at], turned, *path[at + 1 :]])
    assert all(root_from(leaf, index, len(lines), each) != root for each in wrong)
    others = [each for each in range(-1, len(lines) + 1) if each != index]
    assert all(root_from(leaf, each, len(lines), path) != root for each in others)


@settings(deadline=None)
@given(LINES, st.booleans(), st.lists(st.integers(0, 2000), max_size=5))
def test_lines_are_hashed_whatever_the_pieces(lines: list[bytes], whole: bool, cuts: list[int]) -> None:
    """A last line without newline is one, and nothing behind a newline is none."""
    text = b"\n".join(lines) + (b"\n" if whole and lines else b"")
    hashes = LineHashes()
    found = b""
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for begin, end in pairwise(places):
        found += hashes.feed(text[begin:end])
    expected = text.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert found + hashes.end() == b"".join(map(leaf_hash, expected))


def test_no_lines() -> None:
    """The root of nothing is the hash of nothing; there is no path in it."""
    assert (root_of(b""), Tree().root()) == (EMPTY, EMPTY)
    with pytest.raises(IndexError):
        path_in(levels_of(b""), 0)
    with pytest.raises(IndexError):
        path_in(levels_of(leaf_hash(b"")), 1)
