"""`patternspan log`: the files of the log, rotating them and removing what is old."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

import click

from patternspan.aggregate.plain import counted, visible
from patternspan.aggregate.timeline import local_time
from patternspan.cli.options import settings, shared
from patternspan.cli.screen import Screen, note
from patternspan.cli.table import Cell, write_table
from patternspan.config import Config, load
from patternspan.errors import ConfigError, NotFoundError
from patternspan.layout import global_log
from patternspan.log.survey import Survey, survey
from patternspan.model.ids import timestamp
from patternspan.model.wire import encode_value

if TYPE_CHECKING:
    from patternspan.log.survey import File
    from patternspan.upkeep import Pruned

_HOUR_NS: Final = 3600 * 1_000_000_000


@click.group()
@shared()
def log() -> None:
    """Show the files of the log, rotate it, or remove what is old."""


@log.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@shared()
def status(as_json: bool) -> None:
    """Show the live log, its segments, what was removed, and what is due."""
    from patternspan.upkeep import prune

    config, root = _config_and_root()
    log = settings().place().log
    found = survey(log)
    if not found.files:
        raise NotFoundError(f"{log}: no log here yet\n  A first log: patternspan demo")
    pruning = prune(root, dry_run=True)
    with Screen(settings().color) as screen:
        if as_json:
            screen.raw(encode_value(_members(found, config, pruning)))
        else:
            _show(screen, found, config, pruning)


@log.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@shared()
def rotate(as_json: bool) -> None:
    """Make a segment of the live log now, and close what is not closed yet.

    Takes about three seconds, for which running writers may still add to it.
    """
    from patternspan.upkeep import rotate as run

    _, root = _config_and_root()
    done = run(root)
    with Screen(settings().color) as screen:
        if as_json:
            screen.raw(encode_value(done))
            return
        screen.line(visible(f"rotated: {done.segment}") if done.segment else "nothing to rotate: the log is empty")
        for path in done.closed:
            screen.line(visible(f"closed: {path}"))


@log.command()
@click.option("--dry-run", is_flag=True, help="Show what would go, and touch nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@shared()
def prune(dry_run: bool, as_json: bool) -> None:
    """Remove what keep_days and keep_bytes do not keep, the oldest first."""
    from patternspan.upkeep import prune as run

    config, root = _config_and_root()
    done = run(root, dry_run=dry_run)
    with Screen(settings().color) as screen:
        if as_json:
            screen.raw(encode_value(done))
            return
        for removal in done.removed:
            screen.line(visible(f"{removal.name}  {removal.kind}, {removal.bytes:,} bytes, {removal.reason}"))
        word = "would be removed" if dry_run else "removed"
        screen.line(f"{counted(len(done.removed), 'thing')} {word}, {done.bytes:,} bytes; {done.total:,} bytes kept")
    if not (config.keep_days or config.keep_bytes):
        note("keep_days and keep_bytes are 0: everything is kept")


def _config_and_root() -> tuple[Config, str]:
    place = settings().place()
    if os.path.abspath(place.log) != os.path.abspath(global_log(place.root)):
        raise ConfigError(f"{place.log}: not the folder `events` of a root; name the root: --root DIR")
    return load({"root": place.root}), place.root


def _due_rotation(found: Survey, config: Config) -> str:
    """Return why the live log is to be rotated; empty where it is not."""
    live = found.live()
    if live is None or not live.bytes:
        return ""
    if 0 < config.rotate_bytes <= live.bytes:
        return "rotate_bytes"
    old = live.first_ns is not None and time.time_ns() - live.first_ns >= config.rotate_hours * _HOUR_NS
    return "rotate_hours" if config.rotate_hours and old else ""


def _members(found: Survey, config: Config, pruning: Pruned) -> dict[str, Any]:
    return {
        "log": found.log,
        "files": [_file_members(file) for file in found.files],
        "removed": {"segments": found.removed_segments, "lines": found.removed_lines, "by_reason": found.removed_by},
        "limits": {
            name: getattr(config, name)
            for name in ("rotate_bytes", "rotate_hours", "compress", "keep_days", "keep_bytes")
        },
        "total_bytes": pruning.total + pruning.bytes,
        "due": {
            "rotate": _due_rotation(found, config),
            "close": sum(file.is_left() for file in found.files),
            "prune": len(pruning.removed),
            "prune_bytes": pruning.bytes,
        },
    }


def _file_members(file: File) -> dict[str, Any]:
    return {
        "path": file.path,
        "state": file.state,
        "lines": file.lines,
        "bytes": file.bytes,
        "disk_bytes": file.disk_bytes,
        "first_timestamp": None if file.first_ns is None else timestamp(file.first_ns),
        "last_timestamp": None if file.last_ns is None else timestamp(file.last_ns),
        "compressed": file.is_packed,
        "sealed": file.is_sealed,
    }


def _show(screen: Screen, found: Survey, config: Config, pruning: Pruned) -> None:
    screen.line(visible(found.log))
    head = ["FILE", "LINES", "BYTES", "ON DISK", "FIRST", "LAST", "STATE"]
    write_table(screen, head, [_row(file) for file in found.files])
    screen.line()
    for name, fact in _facts(found, config, pruning):
        screen.line(f"{screen.paint(name.ljust(9), 'strong')} {fact}")


def _row(file: File) -> list[Cell]:
    state = file.state + (", sealed" if file.is_sealed else "")
    return [
        Cell(visible(os.path.basename(file.path))),
        Cell("" if file.lines is None else f"{file.lines:,}", right=True),
        Cell("" if file.bytes is None else f"{file.bytes:,}", right=True),
        Cell(f"{file.disk_bytes:,}", right=True),
        Cell(_moment(file.first_ns), "dim"),
        Cell(_moment(file.last_ns), "dim"),
        Cell(state),
    ]


def _moment(time_ns: int | None) -> str:
    if time_ns is None:
        return ""
    day, clock = local_time(time_ns)
    return f"{day} {clock[:8]}"


def _facts(found: Survey, config: Config, pruning: Pruned) -> list[tuple[str, str]]:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(found.removed_by.items()))
    removed = f"{counted(found.removed_segments, 'segment')}, {counted(found.removed_lines, 'line')}"
    total = f"{pruning.total + pruning.bytes:,} bytes"
    size, hours = config.rotate_bytes, config.rotate_hours
    limits = [f"{size:,} bytes" if size else "", counted(hours, "hour") if hours else ""]
    kept = [
        counted(config.keep_days, "day") if config.keep_days else "",
        f"{config.keep_bytes:,} bytes" if config.keep_bytes else "",
    ]
    left = sum(file.is_left() for file in found.files)
    due = [
        f"closing of {counted(left, 'segment')}" if left else "",
        f"rotation ({why})" if (why := _due_rotation(found, config)) else "",
        f"removal of {counted(len(pruning.removed), 'thing')}, {pruning.bytes:,} bytes" if pruning.removed else "",
    ]
    return [
        ("removed", removed + (f" ({reasons})" if reasons else "")),
        ("total", f"{total} with job logs, archived runs and tool output"),
        ("rotates", " or ".join(filter(None, limits)) or "never"),
        ("keeps", " and ".join(filter(None, kept)) or "everything"),
        ("due", ", ".join(filter(None, due)) or "nothing"),
    ]
