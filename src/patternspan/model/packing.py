"""The two compressions of segments: packing piece by piece, and text as a stream that survives damage."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

from patternspan.errors import MissingExtraError

SUFFIXES: Final = {"gzip": ".gz", "zstd": ".zst"}
"""What a name ends with, by compression."""
_BEGINNINGS: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}
_GZIP_LEVEL: Final = 6
_GZIP_WINDOW: Final = 31
_INPUT_BYTES: Final = 1 << 16
_LAST_BYTES: Final = 256


class Packer(Protocol):
    """Compresses."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what there is to write by now."""

    def flush(self) -> bytes:
        """Return the rest."""


class Unpacker(Protocol):
    """Takes one compressed stream apart."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return what these bytes hold. Raises zlib.error or the like where they are damaged."""


def packer(compress: str) -> Packer:
    """Return a new packer. Raises MissingExtraError where nothing installed can do it."""
    if compress == "gzip":
        return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    made: Packer = zstd().ZstdCompressor()
    return made


def unpacker(compress: str) -> Unpacker:
    """Return a new unpacker. Raises MissingExtraError where nothing installed can do it."""
    if compress == "gzip":
        return zlib.decompressobj(_GZIP_WINDOW)
    made: Unpacker = zstd().ZstdDecompressor()
    return made


def compression_of(beginning: bytes) -> str | None:
    """Return the compression of a file by its first bytes; None where it is not compressed."""
    return _BEGINNINGS.get(beginning[:2])


class Unpacked:
    """The text of a compressed file, as a stream.

    Where the file is damaged or cut off the stream ends, and `error` says so. `read` gives bytes of the file.
    """

    def __init__(self, read: Callable[[int], bytes], compression: str) -> None:
        self.error = ""
        self.position = 0
        """Bytes of text given so far."""
        self._read = read
        self._compression = compression
        self._unpack: Any = unpacker(compression)
        self._input = b""
        self._more = False
        """There is text to come of what was fed already."""

    def readinto(self, room: memoryview) -> int:
        """Fill some of the room, and return how much; 0 is the end."""
        while not self.error:
            try:
                text = self._next(len(room))
            except Exception as error:  # noqa: BLE001 - each compression has errors of its own; damaged is damaged
                text = b""
                self.error = str(error)
            if text is None:
                return 0
            if text:
                room[: len(text)] = text
                self.position += len(text)
                return len(text)
        return 0

    def _next(self, most: int) -> bytes | None:
        """Return some text, or nothing yet; None at the end. Raises EOFError where the file is cut off."""
        if self._unpack.eof:
            self._input = self._unpack.unused_data or self._read(_INPUT_BYTES)
            if not self._input:
                return None
            self._unpack = unpacker(self._compression)
            self._more = False
        elif not self._input and not self._more:
            self._input = self._read(_INPUT_BYTES)
            if not self._input:
                raise EOFError("the compressed file is cut off")
        return self._gzip(most) if self._compression == "gzip" else self._zstd(most)

    def _gzip(self, most: int) -> bytes:
        before = self._unpack.copy()
        try:
            text: bytes = self._unpack.decompress(self._input, most)
        except zlib.error:
            if most <= _LAST_BYTES:
                raise
            # All that stands before the damage is wanted: taken in small steps until it comes.
            self._unpack = before
            return self._gzip(_LAST_BYTES)
        self._input = self._unpack.unconsumed_tail
        self._more = len(text) == most
        return text

    def _zstd(self, most: int) -> bytes:
        text: bytes = self._unpack.decompress(self._input, most)
        self._input = b""
        self._more = not self._unpack.eof and not self._unpack.needs_input
        return text


def zstd() -> Any:
    """Return the module for zstd: Python's own where it has one. Raises MissingExtraError with what to install."""
    from importlib import import_module

    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise MissingExtraError("zstd needs Python 3.14 or an extra: python -m pip install 'patternspan[zstd]'")
