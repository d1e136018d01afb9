"""`patternspan export`: runs that are asked for, in a form that other tools read."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from patternspan.aggregate.plain import counted
from patternspan.cli.chosen import Chosen
from patternspan.cli.options import logs, run_filter, run_filters, settings, shared
from patternspan.cli.progress import Progress
from patternspan.cli.screen import Screen, note
from patternspan.errors import ConfigError, LineError
from patternspan.model.fold import end_of, fold_in_order
from patternspan.model.vocabulary import RUN_STATUSES
from patternspan.model.wire import encode_value

if TYPE_CHECKING:
    from patternspan.model.run import PatternRun

FORMATS: Final = ("jsonl", "csv", "parquet", "otlp-json")
EVENT_COLUMNS: Final = (
    "event_id", "event_type", "timestamp", "job_id", "step_id", "pattern_run_id", "pattern_id", "status", "trace_id",
    "span_id", "details",
)  # fmt: skip
RUN_COLUMNS: Final = (
    "pattern_run_id", "pattern_id", "pattern_version", "operation_kind", "job_id", "step_id", "status", "started_at",
    "finished_at", "duration_seconds", "inputs", "outputs", "artifacts", "metrics", "tool_metadata", "error",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_AT_ONCE: Final = 50
"""Runs in one line of OTLP JSON."""


@click.command()
@run_filters(RUN_STATUSES)
@click.option("--format", "form", type=click.Choice(FORMATS), default="jsonl", help="[default: jsonl]")
@click.option("--runs", "as_runs", is_flag=True, help="One run a line, in the place of one event (jsonl, csv).")
@click.option("--output", "-o", type=click.Path(), metavar="PATH", help="Write there, in the place of stdout.")
@click.option("--force", is_flag=True, help="Also where that file is there already.")
@shared()
def export(files: tuple[str, ...], form: str, as_runs: bool, output: str | None, force: bool, **wanted: Any) -> None:
    """Write the runs that are asked for, whole, as other tools read them.

    jsonl: the lines as they stand in the log. csv: one event a row, its details as JSON; a text that a spreadsheet
    would take for a formula has a ' before it. parquet: the events, as `patternspan.frames` reads them. otlp-json: the
    spans of runs that have ended, as a collector writes them and `patternspan import` reads them. What is written to a
    PATH is there when it is whole. Without a filter everything is written.
    """
    if as_runs and form not in {"jsonl", "csv"}:
        raise ConfigError(f"--runs: there is no {form} of runs: jsonl or csv")
    if form == "parquet" and output is None:
        raise ConfigError("--format parquet: name a file: --output PATH")
    if form == "parquet":
        import_module("patternspan.frames")  # says what has to be installed, before anything is read
    if output is not None and os.path.lexists(output) and not force:
        raise ConfigError(f"{output}: is there already: name another, or --force")
    with Screen(settings().color, paged=False) as screen:
        chosen = Chosen(logs(files), run_filter(**wanted), screen)
        progress = Progress()
        count = 0
        with _target(output, force=force) as (file, path):
            for data in _written(form, chosen, as_runs=as_runs, path=path):
                file.write(data)
                count += 1
                if progress.is_due:
                    progress.say(f"{count:,} written")
        progress.clear()
    note(f"{counted(len(chosen), 'run')} exported")


@contextlib.contextmanager
def _target(output: str | None, *, force: bool) -> Iterator[tuple[BinaryIO, str]]:
    """Give a file to write to, and its path; it gets its name when all is written, and stays away otherwise."""
    if output is None:
        yield sys.stdout.buffer, ""
        sys.stdout.buffer.flush()
        return
    folder = os.path.dirname(os.path.abspath(output))
    descriptor, path = tempfile.mkstemp(prefix=f".{os.path.basename(output)}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, path
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(path, output)
        else:
            os.link(path, output)  # fails where somebody else has made it meanwhile
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _written(form: str, chosen: Chosen, *, as_runs: bool, path: str) -> Iterator[bytes]:
    if form == "parquet":
        return _parquet(chosen, path)
    if form == "otlp-json":
        return _otlp(chosen)
    if form == "csv":
        return (
            _csv(RUN_COLUMNS, map(_run_row, _folded(chosen))) if as_runs else _csv(EVENT_COLUMNS, _event_rows(chosen))
        )
    return (encode_value(run) + b"\n" for run in _folded(chosen)) if as_runs else _lines(chosen)


def _lines(chosen: Chosen) -> Iterator[bytes]:
    return (line.data + b"\n" for line in chosen.lines())


def _folded(chosen: Chosen) -> Iterator[PatternRun]:
    return map(fold_in_order, chosen.runs())


def _csv(columns: tuple[str, ...], rows: Iterator[list[str]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row)
        yield text.getvalue().encode("utf-8", "backslashreplace")
        text.seek(0)
        text.truncate()
    if text.tell():
        yield text.getvalue().encode()


def _event_rows(chosen: Chosen) -> Iterator[list[str]]:
    for line in chosen.lines():
        members = line.event.to_dict()
        yield [_cell(members.get(name)) for name in EVENT_COLUMNS]


def _run_row(run: PatternRun) -> list[str]:
    return [_cell(getattr(run, name)) for name in RUN_COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode_value(value).decode()


def _parquet(chosen: Chosen, path: str) -> Iterator[bytes]:
    """Write Parquet to the path, out of the lines in a file beside it; DuckDB reads and writes both bit by bit."""
    from patternspan import frames

    lines = f"{path}.jsonl"
    try:
        with open(os.open(lines, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for data in _lines(chosen):
                file.write(data)
                yield b""
        frames.events([lines]).to_native().write_parquet(path, compression="zstd")
        os.chmod(path, 0o600)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(lines)


def _otlp(chosen: Chosen) -> Iterator[bytes]:
    """Yield requests of some runs each, and say of how many runs there is no span."""
    from opentelemetry.sdk.resources import Resource

    from patternspan.export.otlp_json import request_of
    from patternspan.export.rebuild import spans_of

    resource = Resource.create()
    spans: list[Any] = []
    open_runs = broken = held = 0
    for events in chosen.runs():
        if end_of(events) is None:
            open_runs += 1
            continue
        try:
            spans += spans_of(events, resource)
        except (LineError, ValueError):
            broken += 1
            continue
        held += 1
        if held == _AT_ONCE:
            yield request_of(spans)
            spans, held = [], 0
    if spans:
        yield request_of(spans)
    for count, why in ((open_runs, "without an end left out"), (broken, "that cannot be a span left out")):
        if count:
            note(f"{counted(count, 'run')} {why}")
