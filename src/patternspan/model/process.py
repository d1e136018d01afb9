"""The process that a run belongs to, as the first event of the run names it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from patternspan.model.event import PatternEvent

PROCESS: Final = "process"
"""The member of details that holds it."""
State = Literal["alive", "gone", "unknown"]
"""What is known of a process from somewhere."""

_MOST_PID: Final = 1 << 31


class Process(msgspec.Struct, frozen=True, omit_defaults=True):
    """One process of one host, told from all that had or will have its number."""

    host: str
    pid: int
    start: str = ""
    """`<first 8 hex digits of the boot id>-<start in ticks>`; empty where the system does not say."""
    namespace: int | None = None
    """Number of the PID namespace that `pid` counts in; None where the system does not say."""

    def to_dict(self) -> dict[str, Any]:
        """Return the members as they stand in details; what is unknown is left out."""
        members: dict[str, Any] = {"host": self.host, "pid": self.pid}
        if self.start:
            members["start"] = self.start
        if self.namespace is not None:
            members["namespace"] = self.namespace
        return members

    def __str__(self) -> str:
        return f"{self.host} · pid {self.pid}"


def process_in(details: dict[str, Any]) -> Process | None:
    """Return the process that details name; None where they name none, or one that cannot be."""
    members = details.get(PROCESS)
    if not isinstance(members, dict):
        return None
    host, pid, start = members.get("host"), members.get("pid"), members.get("start", "")
    if not isinstance(host, str) or not host or not isinstance(start, str):
        return None
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < _MOST_PID:
        return None
    namespace = members.get("namespace")
    return Process(host, pid, start, namespace if isinstance(namespace, int) else None)


def process_of(events: Iterable[PatternEvent]) -> Process | None:
    """Return the process that the first event which names any names."""
    for event in events:
        found = process_in(event.details)
        if found is not None:
            return found
    return None
