"""Which files hold events."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import msgspec

from patternspan.layout import LOG_NAME, global_log, job_log
from patternspan.log.reader import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Place(msgspec.Struct, frozen=True):
    """Where to read: the log, and the root with all that stands beside it."""

    root: str
    log: str


def place(root: str, events_dir: str | None = None) -> Place:
    """Return the place of the global log; `events_dir`, its folder, wins, and the root is then its parent."""
    if events_dir is None:
        return Place(root, global_log(root))
    return Place(os.path.dirname(os.path.abspath(events_dir)), os.path.join(events_dir, LOG_NAME))


def with_rotated(log: str) -> list[str]:
    """Return a log and the earlier ones that were renamed to `<log>.1`, `<log>.2` …, the oldest first."""
    folder, name = os.path.split(log)
    pattern = re.compile(re.escape(name) + r"\.([0-9]{1,6})")
    try:
        names = os.listdir(folder or ".")
    except OSError:
        names = []
    numbered = sorted((int(match[1]), match[0]) for match in map(pattern.fullmatch, names) if match is not None)
    return [os.path.join(folder, old) for _, old in reversed(numbered)] + [log]


def given(paths: Sequence[str]) -> list[str]:
    """Return the files that a person named: a folder means the logs right inside it, `-` standard input."""
    found: list[str] = []
    for path in paths:
        if path != STDIN and os.path.isdir(path):
            found += sorted(_logs_in(path)) or [path]
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _logs_in(folder: str) -> Iterator[str]:
    whole = os.path.join(folder, LOG_NAME)
    if os.path.isfile(whole):
        yield from with_rotated(whole)
        return
    try:
        with os.scandir(folder) as entries:
            yield from (entry.path for entry in entries if entry.name.endswith(".jsonl") and entry.is_file())
    except OSError:
        return


def job_logs(root: str) -> list[str]:
    """Return the paths of all job-scoped copies."""
    folder = os.path.dirname(os.path.dirname(job_log(root, "any")))
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    paths = [os.path.join(folder, name, LOG_NAME) for name in names]
    return [path for path in paths if os.path.isfile(path)]


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
