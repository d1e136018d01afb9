"""Locks that are tried and never waited for, and that end with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import Final

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
# Locked descriptors of this process: a forked child shares them, and would keep a lock for as long as it lives.
_held: Final[set[int]] = set()


@contextlib.contextmanager
def tried(path: str, *, create: bool = True) -> Iterator[int]:
    """Lock a file and give its descriptor; -1 where another one holds it, or it cannot be opened."""
    try:
        descriptor = os.open(path, _FLAGS if create else _FLAGS & ~os.O_CREAT, 0o600)
    except OSError:
        yield -1
        return
    _held.add(descriptor)
    try:
        yield descriptor if _locked(path, descriptor) else -1
    finally:
        _held.discard(descriptor)
        with contextlib.suppress(OSError):
            # A child that was forked meanwhile may still have the file open, and with it the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _locked(path: str, descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        there, here = os.stat(path, follow_symlinks=False), os.fstat(descriptor)
    except OSError:
        return False
    return there.st_ino == here.st_ino and there.st_dev == here.st_dev


def _let_go_after_fork() -> None:
    for descriptor in _held:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_after_fork)
