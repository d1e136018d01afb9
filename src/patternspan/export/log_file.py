"""An open log: where its lines end, and whether one that was appended stands on a line of its own."""

from __future__ import annotations

import contextlib
import os
from os import lseek, write
from time import sleep
from typing import Final

from patternspan.export.log_options import LogOptions
from patternspan.files import open_append, open_folder

_LOOKS: Final = 5
_LOOK_SECONDS: Final = 0.001
TRIES: Final = 5
"""How often a line is written until it stands whole on a line of its own."""


class LogFile:
    """An open log, and where our last line ended in it."""

    def __init__(self, path: str, base: str, options: LogOptions) -> None:
        self.path = path
        self.options = options
        below = os.path.relpath(path, base).split(os.sep)
        self._base, self._folders, self._name = base, tuple(below[:-1]), below[-1]
        self.fd = -1
        self.end = -1

    def open(self) -> None:
        """Open the log, making it and its folders where they are missing. Raises OSError."""
        modes = self.options.modes
        folder = open_folder(self._base, self._folders, modes.folder)
        try:
            self.fd, is_new = open_append(folder, self._name, self.path, modes.file)
            if is_new and self.options.durability != "os":
                self._sync_folders(folder)
        finally:
            os.close(folder)
        self.end = -1

    def _sync_folders(self, folder: int) -> None:
        """Make the new file's name, and those of the folders above it, survive a power loss."""
        os.fsync(folder)
        for depth in range(len(self._folders)):
            above = open_folder(self._base, self._folders[:depth])
            os.fsync(above)
            os.close(above)
        above = os.open(os.path.dirname(self._base) or ".", os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(above)
        os.close(above)

    def close_file(self) -> None:
        """Close it, where it is open."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    def is_current(self) -> bool:
        """Whether the path still names the open file."""
        try:
            there, here = os.stat(self.path, follow_symlinks=False), os.fstat(self.fd)
        except OSError:
            return False
        return there.st_ino == here.st_ino and there.st_dev == here.st_dev

    def is_removed(self) -> bool:
        """Whether the open file has no name any more."""
        return os.fstat(self.fd).st_nlink == 0

    def starts_line(self, at: int) -> bool:
        """Whether a line may begin at this offset."""
        return at <= 0 or os.pread(self.fd, 1, at - 1) == b"\n"

    def look(self) -> bytes:
        """Return what must stand before the next line: a newline where the log ends with a torn one."""
        end = os.lseek(self.fd, 0, os.SEEK_END)
        if end == self.end or self.starts_line(end):
            return b""
        for _ in range(_LOOKS):
            # The kernel shows a line that crosses a page border in two parts: its writer may be alive, in the middle.
            sleep(_LOOK_SECONDS)
            if self.starts_line(os.lseek(self.fd, 0, os.SEEK_END)):
                return b""
        return b"\n"

    def write(self, line: bytes) -> None:
        """Append one line. Raises OSError where it could not be written whole."""
        written = write(self.fd, line)
        self.settle(line, written, lseek(self.fd, 0, os.SEEK_CUR))

    def settle(self, line: bytes, written: int, end: int) -> None:
        """Look at a line that may be glued to another, or is not whole, and write it again where it has to be."""
        for _ in range(TRIES):
            if written == len(line) and (line[:1] == b"\n" or self.starts_line(end - written)):
                self.end = end
                return
            # A short write has left a torn line of our own.
            self.end = -1
            if written != len(line) and line[:1] != b"\n":
                line = b"\n" + line
            written = os.write(self.fd, line)
            end = os.lseek(self.fd, 0, os.SEEK_CUR)
        raise OSError(f"{self.path}: a line of {len(line)} bytes could not be written whole in {TRIES} tries")
