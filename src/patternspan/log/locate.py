"""Which files hold events."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from patternspan.config import load
from patternspan.layout import LOG_NAME, events_dir, global_log, job_log
from patternspan.log.reader import STDIN
from patternspan.log.segments import parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst")


class Place(msgspec.Struct, frozen=True):
    """Where to read: the log, and the root with all that stands beside it."""

    root: str
    log: str


def place(root: str, folder: str | None = None) -> Place:
    """Return the place of the global log; `folder`, where it stands, wins, and the root is then its parent."""
    if folder is None:
        return Place(root, global_log(root))
    return Place(os.path.dirname(os.path.abspath(folder)), os.path.join(folder, LOG_NAME))


def with_rotated(log: str) -> list[str]:
    """Return the paths of all parts of a log, the oldest first and the live file last."""
    return parts_of(log)


def logs_of(path_or_root: str | os.PathLike[str] | None) -> list[str]:
    """Return the parts of the log of a root (None: the configured one) or of a folder of logs, or the file itself."""
    if path_or_root is None:
        return with_rotated(place(load().root).log)
    path = os.fspath(path_or_root)
    if not os.path.isdir(path):
        return [path]
    if os.path.isdir(events_dir(path)):
        return with_rotated(place(path).log)
    found = given([path])
    return found if found != [path] else with_rotated(os.path.join(events_dir(path), LOG_NAME))


def given(paths: Sequence[str]) -> list[str]:
    """Return the files that a person named: a folder means the logs right inside it, `-` standard input."""
    found: list[str] = []
    for path in paths:
        if path != STDIN and os.path.isdir(path):
            found += _logs_in(path) or [path]
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _logs_in(folder: str) -> list[str]:
    """Return the parts of the log in a folder, else what files there are whose names are those of logs."""
    whole = os.path.join(folder, LOG_NAME)
    parts = parts_of(whole)
    if len(parts) > 1 or os.path.isfile(whole):
        return parts
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.name.endswith(_ENDINGS) and entry.is_file())
    except OSError:
        return []


def job_logs(root: str) -> list[str]:
    """Return the paths of all job-scoped copies; where a log is not there, older parts of it are."""
    folder = os.path.dirname(os.path.dirname(job_log(root, "any")))
    paths = [os.path.join(folder, name, LOG_NAME) for name in _names(folder)]
    return [path for path in paths if os.path.isfile(path) or len(parts_of(path)) > 1]


def archived_runs(root: str, prefix: str) -> list[str]:
    """Return the paths of archived runs whose id begins with `prefix`, whatever its case."""
    folder = os.path.join(root, "pattern_runs")
    found: list[str] = []
    for month in _names(folder):
        for name in _names(os.path.join(folder, month)):
            if name.endswith(".jsonl") and name.casefold().startswith(prefix.casefold()):
                found += [os.path.join(folder, month, name)]
    return found


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
