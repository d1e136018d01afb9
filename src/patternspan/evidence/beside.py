"""SHA-256 of a file on another processor, while this one does something else with the same bytes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType

BLOCK: Final = 1 << 19
"""Bytes that are worth handing over at once: hashlib lets other threads run while it hashes so many."""


class Beside:
    """A SHA-256 as a context manager. At most one block waits, so that memory stays that of two blocks."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._pool = ThreadPoolExecutor(1)
        self._waiting: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def update(self, data: bytes | memoryview) -> None:
        """Take further bytes."""
        self._wait()
        try:
            self._waiting = self._pool.submit(self._hash.update, data)
        except RuntimeError:
            # No thread is to be had: the process has too many, or is about to end.
            self._hash.update(data)

    def hexdigest(self) -> str:
        """Return the hash of the bytes so far, in hexadecimal."""
        self._wait()
        return self._hash.hexdigest()

    def _wait(self) -> None:
        if self._waiting is not None:
            self._waiting.result()
            self._waiting = None
