"""`patternspan recover`: the end of runs whose process died."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from patternspan.aggregate.plain import counted, visible_in
from patternspan.cli.options import length, logs, settings, shared
from patternspan.cli.screen import Screen, note
from patternspan.cli.table import Cell, write_table
from patternspan.config import load
from patternspan.model.wire import encode
from patternspan.recovery import recover_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patternspan.model.event import PatternEvent


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be ended, and write nothing.")
@click.option(
    "--silent-for", callback=length, metavar="TIME",
    help="Also runs of other hosts and unknown processes without an event for so long: 30m, 2h, 1d.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The events that end the runs, as they stand in the log.")
@shared()
def recover(dry_run: bool, silent_for: int | None, as_json: bool) -> None:
    """End runs that cannot end any more.

    Those are runs whose process is gone from this host, and those that have been silent for longer than their own
    timeout and a minute (an hour where their process lives). Each gets a failed end that is marked synthetic. Until
    then they are shown as abandoned.
    """
    logs(())
    place = settings().place()
    with Screen(settings().color) as screen:
        ends = recover_at(
            place, load({"root": settings().root}), dry_run=dry_run, silent_ns=silent_for, on_problem=screen.bad
        )
        if ends is None:
            note("another recovery is at work on this log: nothing was done")
            return
        if as_json:
            for event in ends:
                screen.raw(encode(event))
        else:
            _write(screen, ends)
    word = "would be ended" if dry_run else "ended"
    note(f"{counted(len(ends), 'run')} {word}" if ends else "no run that cannot end any more")


def _write(screen: Screen, ends: Sequence[PatternEvent]) -> None:
    rows = [
        [
            Cell(visible_in(event.pattern_run_id, 64)),
            Cell(visible_in(event.pattern_id, 32), "strong"),
            Cell(event.event_type.removeprefix("pattern."), event.status),
            Cell(visible_in(event.details["error_message"], 160)),
        ]
        for event in ends
    ]
    write_table(screen, ["RUN", "PATTERN", "END", "WHY"], rows)
