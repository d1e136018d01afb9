"""The two compressions, each as an object that takes bytes piece by piece."""

from __future__ import annotations

import zlib
from typing import Any, Final, Protocol

from patternspan.errors import MissingExtraError

SUFFIXES: Final = {"gzip": ".gz", "zstd": ".zst"}
"""What a name ends with, by compression."""
_GZIP_LEVEL: Final = 6
_GZIP_WINDOW: Final = 31


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


def zstd() -> Any:
    """Return the module for zstd: Python's own where it has one. Raises MissingExtraError with what to install."""
    from importlib import import_module

    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise MissingExtraError("zstd needs Python 3.14 or an extra: python -m pip install 'patternspan[zstd]'")
