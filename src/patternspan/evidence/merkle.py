"""Merkle trees as RFC 6962 defines them: leaf = SHA-256(0x00 || line), node = SHA-256(0x01 || left || right).

Hashes stand one after the other in one bytes object, 32 bytes each. A tree is built level by level: pairs become nodes,
and one that is left over goes up as it is, which gives the tree that the recursion of RFC 6962 gives.
"""

from __future__ import annotations

import hashlib
from struct import Struct
from typing import Final

SIZE: Final = 32
"""Bytes of a hash."""
EMPTY: Final = hashlib.sha256().digest()
"""The root of a tree without leaves."""

_BLOCK: Final = SIZE << 14
"""Bytes of leaves that are folded into one node at once; as many leaves as a power of two."""
# Copying a hash that has begun is cheaper than to begin one and to glue the byte to its data.
_leaf: Final = hashlib.sha256(b"\x00").copy
_node: Final = hashlib.sha256(b"\x01").copy
_pairs: Final = Struct(f"{2 * SIZE}s").iter_unpack


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of one line, given without its newline."""
    found = _leaf()
    found.update(line)
    return found.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two hashes."""
    found = _node()
    found.update(left + right)
    return found.digest()


def split_hashes(hashes: bytes) -> list[bytes]:
    """Return hashes that stand one after the other as a list."""
    return [hashes[at : at + SIZE] for at in range(0, len(hashes), SIZE)]


class LineHashes:
    """Turns the bytes of a log, in pieces of any size, into the hashes of its lines. Its memory is that of a piece."""

    def __init__(self) -> None:
        self._open = _leaf()
        self.unfinished = False
        """Whether the last line has begun and has no newline yet."""

    def feed(self, data: bytes) -> bytes:
        """Return the hashes of the lines that end in these bytes."""
        first, *rest = data.split(b"\n")
        self._open.update(first)
        if not rest:
            self.unfinished = self.unfinished or bool(first)
            return b""
        last = rest.pop()
        found = [self._open.digest()]
        add = found.append
        begin = _leaf
        for line in rest:
            each = begin()
            each.update(line)
            add(each.digest())
        self._open = begin()
        self._open.update(last)
        self.unfinished = bool(last)
        return b"".join(found)

    def end(self) -> bytes:
        """Return the hash of a last line that has no newline; nothing where there is none."""
        return self._open.digest() if self.unfinished else b""


class Tree:
    """A root from leaves that come in pieces, without keeping them."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._above: list[bytes] = []
        self.count = 0
        """Of the leaves so far."""

    def feed(self, leaves: bytes) -> None:
        """Take further leaves."""
        self.count += len(leaves) // SIZE
        self._waiting += leaves
        whole = len(self._waiting) - len(self._waiting) % _BLOCK
        for at in range(0, whole, _BLOCK):
            self._above.append(_fold(bytes(self._waiting[at : at + _BLOCK])))
        del self._waiting[:whole]

    def root(self) -> bytes:
        """Return the root of all leaves so far."""
        last = [_fold(bytes(self._waiting))] if self._waiting else []
        return _fold(b"".join(self._above + last)) if self.count else EMPTY


def root_of(leaves: bytes) -> bytes:
    """Return the root of these leaves."""
    return _fold(b"".join(_fold(leaves[at : at + _BLOCK]) for at in range(0, len(leaves), _BLOCK))) if leaves else EMPTY


def _fold(level: bytes) -> bytes:
    while len(level) > SIZE:
        level = _up(level)
    return level


def _up(level: bytes) -> bytes:
    """Return the level above."""
    whole = len(level) - len(level) % (2 * SIZE)
    found: list[bytes] = []
    add = found.append
    begin = _node
    for (pair,) in _pairs(memoryview(level)[:whole]):
        each = begin()
        each.update(pair)
        add(each.digest())
    return b"".join(found) + level[whole:]


def levels_of(leaves: bytes) -> list[bytes]:
    """Return the levels of a tree from its leaves up to its root; `path_in` takes them. None of no leaves."""
    found = [leaves] if leaves else []
    while found and len(found[-1]) > SIZE:
        found.append(_up(found[-1]))
    return found


def path_in(levels: list[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from one leaf, counted from 0, to the root. Raises IndexError where it is none."""
    if not levels or not 0 <= index < len(levels[0]) // SIZE:
        raise IndexError(f"no leaf {index}")
    path = []
    for level in levels[:-1]:
        beside = index ^ 1
        if beside * SIZE < len(level):
            path.append(level[beside * SIZE : beside * SIZE + SIZE])
        index >>= 1
    return path


def root_from(leaf: bytes, index: int, count: int, path: list[bytes]) -> bytes | None:
    """Return the root that a path leads to from leaf `index` of `count`; None where the path fits no such tree."""
    if not 0 <= index < count:
        return None
    found, rest, last = leaf, list(reversed(path)), count - 1
    while last:
        if index & 1 or index < last:
            if not rest:
                return None
            beside = rest.pop()
            found = node_hash(beside, found) if index & 1 else node_hash(found, beside)
        index >>= 1
        last >>= 1
    return None if rest else found
