"""Which runs of a process were accepted by the collector, and which are owed to it: one small file a process.

The file is begun before the first run's span can be lost, and removed when its process ends with nothing owed. So a
file whose process is gone is an outbox: the log holds its runs, and whoever sends to the same endpoint may send those
that were not accepted.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from patternspan.files import PRIVATE, Modes, open_append, open_folder
from patternspan.model.process import Process, process_in

FOLDER: Final = "delivery"
"""The folder of the ledgers, below the root."""
_SUFFIX: Final = ".jsonl"
_MOST_BYTES: Final = 1 << 20
"""Size at which a ledger is begun anew, where nothing is owed."""
_RECENT: Final = 16_384
"""Accepted runs that are named again in a file that is begun anew."""
_RECENT_NS: Final = 500_000_000
"""How old a run is that is not among these, at least: before that it is taken for settled."""
Children = dict[str, list[str]]
"""Id of a run's span, 16 hex digits -> names of its phases that were accepted before it."""


class Account(msgspec.Struct):
    """What a ledger says."""

    path: str
    process: Process
    endpoint: str
    since_ns: int
    """Nothing of this process that was begun earlier is owed."""
    resource: dict[str, Any]
    accepted: set[str]
    """Ids of runs."""
    owed: set[str]
    """Ids of runs of which the process knew that they were not sent."""
    children: Children
    renewed_ns: int = 0
    """Where not 0: of the runs begun before, only those in `open` may be owed; the others were settled."""
    open: frozenset[str] = frozenset()
    """Ids of the spans, 16 hex digits, of the runs that had not ended then."""
    ended: bool = False
    """Whether all that is owed was sent, but for runs that had not ended."""


class Ledger:
    """The ledger of this process."""

    def __init__(
        self, root: str, endpoint: str, resource: Mapping[str, Any] | None = None, modes: Modes = PRIVATE
    ) -> None:
        self._root = root
        self._endpoint = endpoint
        self.resource = resource
        """Attributes of the resource that spans are sent with; None until the first one is there."""
        self._modes = modes
        self._fd = -1
        self._size = 0
        self.name = ""
        self.owes = False
        """Whether runs are owed that only the log still holds."""
        self._recent: deque[str] = deque(maxlen=_RECENT)
        self._is_later = False
        """Whether this process had a file before, in which its runs were settled."""

    def begin_anew(self) -> None:
        """Be the ledger of a process that has none yet: a forked child; the file is the parent's."""
        self.forget()
        self.owes = self._is_later = False
        self._recent.clear()

    @property
    def is_begun(self) -> bool:
        """Whether the file is there."""
        return self._fd >= 0

    @property
    def folder(self) -> str:
        """Where the ledgers stand."""
        return os.path.join(self._root, FOLDER)

    @property
    def path(self) -> str:
        """The path of the file."""
        return os.path.join(self.folder, self.name)

    @property
    def is_large(self) -> bool:
        """Whether the file has grown so much that it should be begun anew."""
        return self._size > _MOST_BYTES

    def begin(self, process: Mapping[str, Any], since_ns: int, open_spans: Mapping[int, int]) -> None:
        """Make the file. `open_spans` are the runs' spans that have not ended, with their beginnings.

        Raises OSError where that cannot be done; it may be tried again.
        """
        self.name = f"{process.get('pid', 0)}-{process.get('start') or since_ns}{_SUFFIX}"
        self._fd = self._opened(self.name)
        if self._is_later:
            self._write_renewed(process, open_spans)
        else:
            self._write(self._header(process, since_ns))

    def _opened(self, name: str) -> int:
        folder = open_folder(self._root, (FOLDER,), self._modes.folder)
        try:
            return open_append(folder, name, os.path.join(self.folder, name), self._modes.file).fd
        finally:
            os.close(folder)

    def _header(self, process: Mapping[str, Any], since_ns: int) -> dict[str, Any]:
        return {
            "process": dict(process),
            "endpoint": self._endpoint,
            "since": since_ns,
            "resource": dict(self.resource or {}),
        }

    def _write_renewed(self, process: Mapping[str, Any], open_spans: Mapping[int, int]) -> None:
        renewed = time.time_ns() - _RECENT_NS
        header = self._header(process, min((renewed, *open_spans.values())))
        self._write({**header, "renewed": renewed, "open": [f"{span_id:016x}" for span_id in open_spans]})
        if self._recent:
            self._write({"accepted": list(self._recent)})

    def accept(self, runs: Collection[str], children: Children) -> None:
        """Note what a collector has taken. Raises OSError."""
        entry: dict[str, Any] = {}
        if runs:
            entry["accepted"] = list(runs)
            self._recent.extend(runs)
        if children:
            entry["children"] = children
        if entry:
            self._write(entry)

    def owe(self, runs: Sequence[str]) -> None:
        """Note runs that were not sent, which the log holds. Raises OSError."""
        self.owes = True
        if runs:
            self._write({"owed": runs})

    def renew(self, process: Mapping[str, Any], open_spans: Mapping[int, int], children: Children) -> None:
        """Begin the file anew, with no more than what is not settled. Raises OSError.

        The new file takes the place of the old one in one step: who is killed leaves the one or the other.
        """
        new = os.path.join(self.folder, self.name + ".new")
        fd = self._opened(self.name + ".new")
        self.forget()
        self._fd = fd
        self._write_renewed(process, open_spans)
        if children:
            self._write({"children": children})
        os.replace(new, self.path)
        self._is_later = True

    def remove(self) -> None:
        """Take the file away: nothing is owed."""
        if self._fd >= 0:
            self.forget()
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            self._is_later = True

    def forget(self) -> None:
        """Let go of the file and leave it where it is: in a forked child it is the parent's."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        self._fd = -1
        self._size = 0

    def _write(self, entry: Mapping[str, Any]) -> None:
        if self._fd < 0:
            return
        data = msgspec.json.encode(entry) + b"\n"
        os.write(self._fd, data)
        self._size += len(data)


def read_account(path: str) -> Account | None:
    """Return what a ledger says; None where it is none, or gone. A line that was torn by a kill is passed over."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            return _account(path, file.read())
    except (OSError, ValueError, TypeError):
        return None


def _account(path: str, data: bytes) -> Account | None:
    account = None
    for line in data.splitlines():
        try:
            entry = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
        if account is None:
            process = process_in(entry)
            if process is None:
                return None
            resource = entry.get("resource")
            account = Account(
                path, process, str(entry.get("endpoint", "")), int(entry.get("since", 0)),
                resource if isinstance(resource, dict) else {}, set(), set(), {},
                int(entry.get("renewed", 0)), frozenset(entry.get("open", ())),
            )  # fmt: skip
            continue
        account.accepted.update(entry.get("accepted", ()))
        account.owed.update(entry.get("owed", ()))
        account.children.update(entry.get("children", {}))
        account.ended = account.ended or bool(entry.get("ended"))
    return account


def accounts_in(root: str) -> list[str]:
    """Return the paths of the ledgers below a root, in the order of their names."""
    try:
        names = sorted(os.listdir(os.path.join(root, FOLDER)))
    except OSError:
        return []
    return [os.path.join(root, FOLDER, name) for name in names if name.endswith(_SUFFIX)]


def append(path: str, entry: Mapping[str, Any]) -> None:
    """Add to a ledger whose process is gone. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Its last line may have been torn: an empty one costs nothing.
        os.write(fd, b"\n" + msgspec.json.encode(entry) + b"\n")
    finally:
        os.close(fd)
