"""File systems made for a test: a tmpfs that is soon full, an ext4 whose power can be cut."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


def _mount(*words: object) -> None:
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise PermissionError(done.stderr.strip())


@contextlib.contextmanager
def mounted(*words: object) -> Iterator[None]:
    """Mount what `mount` is told; the last word is the folder. Raises PermissionError where that is not possible."""
    _mount(*words)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(words[-1])], check=True)


class Ext4:
    """An ext4 in a file; nothing reaches that but by a sync."""

    def __init__(self, folder: Path) -> None:
        self._image, self._folder = folder / "image", folder / "ext4"
        self.root = self._folder / "state"
        self._folder.mkdir()
        with open(self._image, "wb") as file:
            file.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(self._image)], check=True)

    def mount(self) -> None:
        """Mount it; its journal is written by itself after minutes only."""
        _mount("-o", "loop,commit=300", self._image, self._folder)

    def unmount(self) -> None:
        """Unmount it, whoever still has files of it open."""
        subprocess.run(["umount", "-l", str(self._folder)], check=True)

    def cut_power(self) -> None:
        """Throw away what was not sent to the disk, as a power loss does; everything on it fails from now on."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def restart(self) -> None:
        """Mount it again, with what was on the disk."""
        subprocess.run(["umount", str(self._folder)], check=True)
        self.mount()
