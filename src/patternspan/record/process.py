"""This process, as the first event of each run names it: read once, and again in a forked child."""

from __future__ import annotations

import os
from typing import Any

from patternspan import procfs
from patternspan.model.process import Process

_member: dict[str, Any] | None = None


def process_member() -> dict[str, Any]:
    """Return the members of details that tell this process from any other."""
    global _member
    member = _member
    if member is None:
        member = _member = _read()
    # A copy: whoever hears of an event may do with it as they like.
    return member.copy()


def _read() -> dict[str, Any]:
    boot, ticks = procfs.boot(), procfs.start_ticks()
    start = f"{boot}-{ticks}" if boot and ticks else ""
    return Process(procfs.host(), os.getpid(), start, procfs.namespace()).to_dict()


def _forget() -> None:
    global _member
    _member = None


os.register_at_fork(after_in_child=_forget)
