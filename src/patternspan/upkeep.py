"""Rotating a log and removing what is old, when somebody says so: what the background does by itself otherwise."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import msgspec

from patternspan import config as configuration
from patternspan.export.close import finish, unfinished
from patternspan.export.retain import Removal, due, logs_below, remove, stock
from patternspan.export.rotate import Rotation, policy_of
from patternspan.export.segments import GRACE_SECONDS, is_settled, rename
from patternspan.layout import global_log
from patternspan.setup import in_force

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEP_SECONDS = 0.05


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation did."""

    segment: str | None
    """The path that the log of all events was renamed to; None where there was nothing in it."""
    closed: tuple[str, ...]
    """The paths of the segments, of jobs too, that were closed, as they were before compression."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, or would be."""

    removed: tuple[Removal, ...]
    bytes: int
    """Of all that was removed."""
    total: int
    """Bytes that are kept."""


def rotate(root: str | os.PathLike[str] | None = None) -> Rotated:
    """Make a segment of the log now, whatever its size, and close every segment that is not closed yet.

    Takes about three seconds where there is one, since writers may still add to it for a moment. `root` is that of the
    configuration where it is not given. Raises OSError, and MissingExtraError where the compression is not installed.
    """
    policy = _policy(root)
    log = global_log(policy.root)
    segment = rename(log, lambda _status: True) if os.path.isdir(os.path.dirname(log)) else None
    return Rotated(segment=segment, closed=tuple(_close_all(policy)))


def prune(root: str | os.PathLike[str] | None = None, *, dry_run: bool = False) -> Pruned:
    """Remove what `keep_days` and `keep_bytes` of the configuration do not keep, the oldest first.

    With `dry_run` nothing is touched, and what would go is returned. Raises OSError.
    """
    policy = _policy(root)
    found = stock(policy.root)
    going = due(found, policy.keep_days, policy.keep_bytes, time.time_ns())
    if dry_run:
        would = [
            Removal(name=unit.name, kind=unit.kind, bytes=unit.bytes, lines=0, reason=reason) for unit, reason in going
        ]
        return _pruned(would, found.total - sum(removal.bytes for removal in would))
    removed: list[Removal] = []
    if going:
        removed += remove(policy.root, going, policy.max_bytes)
        if len(removed) < len(going):
            # What writers may still add to has to be closed first.
            _close_all(policy)
            going = due(stock(policy.root), policy.keep_days, policy.keep_bytes, time.time_ns())
            removed += remove(policy.root, going, policy.max_bytes)
    return _pruned(removed, stock(policy.root).total)


def _pruned(removed: Sequence[Removal], total: int) -> Pruned:
    return Pruned(removed=tuple(removed), bytes=sum(removal.bytes for removal in removed), total=total)


def _policy(root: str | os.PathLike[str] | None) -> Rotation:
    settings = in_force() if root is None else configuration.load({"root": os.fspath(root)})
    return policy_of(settings)


def _close_all(policy: Rotation) -> list[str]:
    """Close every segment below the root, waiting for the time of grace of the youngest; return their paths."""
    begin = time.monotonic()
    waiting = [log for log in logs_below(policy.root) if unfinished(log, policy.compress)]
    closed: list[str] = []

    while waiting:
        over = time.monotonic() - begin >= GRACE_SECONDS

        for log in list(waiting):

            def settled(segment: str, log: str = log, over: bool = over) -> bool:
                if not (over or is_settled(log, segment)):
                    return False
                closed.append(segment)
                return True

            if finish(log, policy.compress, settled):
                waiting.remove(log)
        if waiting:
            time.sleep(_STEP_SECONDS)
    return closed
