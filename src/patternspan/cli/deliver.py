"""`patternspan deliver`: what the collector never got of runs whose process is gone, sent out of the log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

from patternspan.aggregate.plain import counted, visible_in
from patternspan.cli.options import logs, settings, shared
from patternspan.cli.progress import Progress
from patternspan.cli.screen import Screen, note
from patternspan.cli.sender import sender
from patternspan.cli.table import Cell, write_table
from patternspan.delivery import Delivered, deliver_all

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_COLUMNS: Final = ["PROCESS", "STATE", "SENT", "OWED", "UNENDED", "ENDPOINT"]
_STYLES: Final = {"sent": "success", "refused": "failed"}


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option("--any-endpoint", is_flag=True, help="Also what was meant for another endpoint than the configured one.")
@shared()
def deliver(dry_run: bool, any_endpoint: bool) -> None:
    """Send runs that the collector has not accepted.

    Processes that send spans note which runs were accepted. This sends the others, of processes that are gone, out of
    the log, with their own ids and times, to the endpoint that the environment names (OTEL_EXPORTER_OTLP_ENDPOINT).
    Exits with 1 where the collector refuses.
    """
    from patternspan.export.target import target

    logs(())
    where = target()
    endpoint = None if any_endpoint else where.key
    with Screen(settings().color) as screen:
        done = _delivered(endpoint, dry_run=dry_run)
        if done:
            write_table(
                screen, ["PROCESS", "STATE", "SENT", "OWED", "UNENDED", "ENDPOINT"], [_row(one) for one in done]
            )
    _tell(done, where.shown, dry_run=dry_run)
    if any(one.state == "refused" for one in done):
        click.get_current_context().exit(1)


def _delivered(endpoint: str | None, *, dry_run: bool) -> list[Delivered]:
    progress = Progress()
    count = 0
    with sender() as send:

        def told(spans: list[ReadableSpan]) -> bool:
            nonlocal count
            count += len(spans)
            progress.say(f"{count:,} spans sent or refused")
            return send(spans)

        done = list(deliver_all(settings().place().root, told, endpoint, dry_run=dry_run))
    progress.clear()
    return done


def _row(one: Delivered) -> list[Cell]:
    return [
        Cell(visible_in(os.path.basename(one.path).removesuffix(".jsonl"), 40)),
        Cell(one.state, _STYLES.get(one.state, "")),
        Cell(str(one.sent)),
        Cell(str(one.owed)),
        Cell(str(one.unended)),
        Cell(visible_in(one.endpoint, 60)),
    ]


def _tell(done: list[Delivered], where: str, *, dry_run: bool) -> None:
    sent, owed = sum(one.sent for one in done), sum(one.owed for one in done)
    unended = sum(one.unended for one in done)
    if dry_run:
        note(f"{counted(owed, 'run')} would be sent to {where}")
    elif owed:
        note(f"{counted(sent, 'run')} sent, {counted(owed, 'run')} still owed: {where} refuses; `patternspan doctor`")
    elif sent:
        note(f"{counted(sent, 'run')} sent to {where}")
    else:
        note("nothing is owed")
    if unended:
        note(f"{counted(unended, 'run')} of them without an end: `patternspan recover` ends what cannot end any more")
