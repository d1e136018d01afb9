"""Making files and folders that their owner alone may read, whatever the umask; no planted link is followed.

Where a path begins (the root, the folder of the logs) is the user's choice and may be a link. What stands below it is
this package's own: each folder on the way and the file itself are opened without following links, and what is no
regular file (a FIFO, a device) is refused before anything is written to it, or waited for. Readers do not wait for one
either.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Final, NamedTuple

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_OVER: Final = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY
_TRIES: Final = 5

NOT_REGULAR: Final = "not a regular file"


class Modes(NamedTuple):
    """The permissions of what is made."""

    file: int = 0o600
    folder: int = 0o700


PRIVATE: Final = Modes()
"""For the owner alone."""


def make_folders(path: str, mode: int = 0o700) -> list[str]:
    """Make a folder and those above it that are missing; return the folders that hold a new one, the lowest first."""
    changed: list[str] = []
    while not os.path.isdir(path):
        parent = os.path.dirname(path) or "."
        above = [] if os.path.isdir(parent) or parent == path else make_folders(parent, mode)
        changed = [parent, *above, *changed]
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, mode)
            os.chmod(path, mode)
            return changed
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return changed


def open_folder(base: str, names: tuple[str, ...] = (), mode: int = 0o700) -> int:
    """Return a descriptor of the folder `names` below `base`; what is missing is made. Raises OSError.

    `base` may be a link; what stands below may not.
    """
    try:
        folder = os.open(base, _FOLDER)
    except FileNotFoundError:
        make_folders(base, mode)
        folder = os.open(base, _FOLDER)
    path = base
    try:
        for name in names:
            path = os.path.join(path, name)
            above, folder = folder, _open_below(folder, name, mode)
            os.close(above)
    except OSError as error:
        os.close(folder)
        raise OSError(error.errno, error.strerror, path) from None
    return folder


def _open_below(above: int, name: str, mode: int) -> int:
    flags = _FOLDER | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=above)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=above)
            made = os.open(name, flags, dir_fd=above)
            os.fchmod(made, mode)
            return made
        return os.open(name, flags, dir_fd=above)


def regular(path: str, flags: int = os.O_RDONLY | os.O_CLOEXEC) -> int:
    """Open a file that is there, without waiting for what is none: `open(path, "rb", opener=regular)`.

    Raises OSError, also where it is no regular file.
    """
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise OSError(errno.EINVAL, NOT_REGULAR, path) from None  # a socket
    return _only_regular(fd, path)


def _only_regular(fd: int, path: str) -> int:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, NOT_REGULAR, path)
    return fd


class Opened(NamedTuple):
    """An open file."""

    fd: int
    is_new: bool


def open_append(folder: int, name: str, path: str, mode: int = 0o600) -> Opened:
    """Open a file of a folder to append to and read from, made where it is missing. Raises OSError.

    `path` is what errors call it.
    """
    for _ in range(_TRIES):
        try:
            fd = os.open(name, _APPEND, dir_fd=folder)
            return Opened(_only_regular(fd, path), is_new=False)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                fd = os.open(name, _APPEND | os.O_CREAT | os.O_EXCL, mode, dir_fd=folder)
                os.fchmod(fd, mode)
                return Opened(fd, is_new=True)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None
    raise OSError(errno.EAGAIN, "made and removed again and again", path)


def write_new(folder: int, name: str, data: bytes, mode: int = 0o600) -> None:
    """Make a file with these bytes, in the place of one that is there. Raises OSError, and leaves no part of one then.

    One write, no renaming, which would cost as much again: a kill in the middle of it can leave a file that is torn.
    """
    try:
        fd = os.open(name, _NEW, mode, dir_fd=folder)
    except FileExistsError:
        # Truncating makes ext4 allocate blocks at close, which a new file need not wait for.
        fd = _only_regular(os.open(name, _OVER, dir_fd=folder), name)
    try:
        os.fchmod(fd, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(fd)
