"""`patternspan replay`: recorded runs to a collector, so that old logs open in Jaeger."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click

from patternspan.aggregate.plain import counted
from patternspan.cli.chosen import Chosen
from patternspan.cli.options import logs, run_filter, run_filters, settings, shared
from patternspan.cli.progress import Progress
from patternspan.cli.screen import Screen, note
from patternspan.cli.sender import sender
from patternspan.errors import LineError
from patternspan.export.batches import Parcel, batched, send_in_parts
from patternspan.model.fold import end_of
from patternspan.model.vocabulary import RUN_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH = 512


@click.command()
@run_filters(RUN_STATUSES)
@click.option("--to", type=click.Choice(["otlp"]), default="otlp", help="How.  [default: otlp]")
@click.option("--endpoint", metavar="URL", help="Where to, in the place of OTEL_EXPORTER_OTLP_ENDPOINT.")
@shared()
def replay(files: tuple[str, ...], to: str, endpoint: str | None, **wanted: Any) -> None:  # noqa: ARG001
    """Send recorded runs to a collector, with their own ids and times.

    A run comes whole: its span with its events, and its phases. Runs without an end are left out. The environment
    says protocol, headers and resource (OTEL_EXPORTER_OTLP_*, OTEL_SERVICE_NAME). A collector that has a run already
    gets its span a second time, with the same ids. Exits with 1 where the collector does not accept them all.
    """
    from patternspan.export.target import target

    if endpoint is not None:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
        os.environ.pop("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", None)
    where = target().shown
    progress = Progress()
    with Screen(settings().color) as screen, sender() as send:
        chosen = Chosen(logs(files), run_filter(**wanted), screen)
        counts = _Counts()
        accepted = 0
        is_away = False
        for batch in batched(_parcels(chosen, counts), _BATCH):
            if is_away:
                continue  # what is left is counted, and the collector is not asked again
            result = send_in_parts(send, batch, lambda _runs: None)
            accepted += len(batch) - len(result.refused)
            is_away = result.is_away
            progress.say(f"{accepted:,} of {len(chosen):,} runs sent")
        progress.clear()
    refused = counts.sent - accepted
    left_out = f", {counted(counts.open, 'run')} without an end left out" if counts.open else ""
    broken = f", {counted(counts.broken, 'run')} that cannot be a span" if counts.broken else ""
    if refused:
        note(f"{counted(accepted, 'run')} sent to {where}, {refused:,} not accepted{left_out}{broken}")
        click.get_current_context().exit(1)
    note(f"{counted(accepted, 'run')} sent to {where}{left_out}{broken}")


class _Counts:
    """What became of runs on their way."""

    def __init__(self) -> None:
        self.sent = self.open = self.broken = 0


def _parcels(chosen: Chosen, counts: _Counts) -> Iterator[Parcel]:
    from opentelemetry.sdk.resources import Resource

    from patternspan.export.rebuild import spans_of

    resource = Resource.create()
    for events in chosen.runs():
        if end_of(events) is None:
            counts.open += 1
            continue
        counts.broken += 1
        with contextlib.suppress(LineError, ValueError):
            parcel = (events[0].pattern_run_id, spans_of(events, resource))
            counts.broken -= 1
            counts.sent += 1
            yield parcel
