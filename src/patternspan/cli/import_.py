"""`patternspan import`: what a collector wrote to a file, back into the log."""

from __future__ import annotations

import click

from patternspan.aggregate.plain import counted
from patternspan.cli.group import INVALID, NOT_FOUND, GuardedCommand
from patternspan.cli.options import settings, shared
from patternspan.cli.progress import Progress
from patternspan.cli.screen import Screen, note
from patternspan.importing import Imported, import_events
from patternspan.log.reader import BadLine


@click.command("import", cls=GuardedCommand)
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@shared()
def import_command(files: tuple[str, ...]) -> None:
    """Take OTLP JSON back into the log: FILES as the collector's file exporter writes them, or -.

    They may be compressed (gz, zst). Events that stand in the log already are skipped. Exits with 3 where a file is
    not there, with 4 where a line cannot be read; all others are taken.
    """
    missing = 0
    progress = Progress()

    with Screen(settings().color) as screen:

        def problem(bad: BadLine) -> None:
            nonlocal missing
            missing += bad.number == 0
            progress.clear()
            screen.bad(bad)

        def told(done: Imported) -> None:
            if progress.is_due:
                progress.say(f"{done.imported:,} imported, {done.present:,} there already")

        try:
            done = import_events(files, settings().place().root, on_problem=problem, on_progress=told)
        finally:
            progress.clear()
    note(
        f"{counted(done.imported, 'event')} imported, {done.present:,} there already, "
        f"{counted(done.foreign, 'other record')} without a pattern event, {counted(done.bad, 'problem')}"
    )
    if missing:
        click.get_current_context().exit(NOT_FOUND)
    if done.bad:
        click.get_current_context().exit(INVALID)
