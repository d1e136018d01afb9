"""Options that commands share, before the command's name or after it, and the settings that come of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from patternspan.aggregate.filter import Filter
from patternspan.errors import NotFoundError
from patternspan.log.locate import Place, given, place, with_rotated
from patternspan.log.moment import length_ns, moment
from patternspan.log.search import Query
from patternspan.model.ids import RUN_PREFIX, ULID
from patternspan.model.vocabulary import EVENT_STATUSES, EVENT_TYPES, RESULTS

Function = TypeVar("Function", bound=Callable[..., Any])


class Settings:
    """What was said before and after the command's name; the last word counts."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.events_dir: str | None = None
        self.store: str | None = None
        self.color: bool | None = None

    def place(self) -> Place:
        """Return where to read, from the options or else from the configuration."""
        from patternspan.config import load

        return place(load({"root": self.root}).root, self.events_dir)

    def store_url(self) -> str:
        """Return the state store that was named; empty where none was, and the one in the root is meant."""
        from patternspan.config import load

        return load({"store": self.store}).store


def settings() -> Settings:
    """Return the settings of the command that is running."""
    return click.get_current_context().ensure_object(Settings)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None and param.name is not None:
        setattr(ctx.ensure_object(Settings), param.name, value)


def shared(*, hidden: bool = True) -> Callable[[Function], Function]:
    """Add the options that every command takes; shown in the help of the group, taken after a command too."""
    path = click.Path()
    options = [
        click.option(
            "--root", type=path, expose_value=False, hidden=hidden, callback=_keep, metavar="DIR",
            help="Folder of logs, archived runs and tool output.  [default: state]",
        ),
        click.option(
            "--events-dir", type=path, expose_value=False, hidden=hidden, callback=_keep, metavar="DIR",
            help="Folder that holds pattern_events.jsonl; the root is its parent.",
        ),
        click.option(
            "--store", expose_value=False, hidden=hidden, callback=_keep, metavar="URL",
            help="State store: a path, or a URL of PostgreSQL.  [default: patternspan.db in the root, if it is there]",
        ),
        click.option(
            "--color/--no-color", default=None, expose_value=False, hidden=hidden, callback=_keep,
            help="Colour always or never.  [default: on a terminal; NO_COLOR and FORCE_COLOR are honoured]",
        ),
    ]  # fmt: skip

    def add(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def _moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Return the nanoseconds since the Unix epoch that an option means."""
    import time

    if value is None:
        return None
    found = moment(value, time.time_ns())
    if found is None:
        raise click.BadParameter(f"{value!r} is no time: 90s, 30m, 1h, 2d, 1w, or ISO such as 2025-11-26T07:15:00Z")
    return found


def length(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Return the nanoseconds that a length of time in an option is."""
    if value is None:
        return None
    found = length_ns(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no length of time: 90s, 30m, 2h, 1d or 1w")
    return found


def run_id(text: str) -> str:
    """Return the run id that a person means: a ULID in any case, with its prefix or without."""
    bare = text.strip().upper().removeprefix(RUN_PREFIX)
    return RUN_PREFIX + bare if re.fullmatch(ULID, bare) else text.strip()


def event_type(text: str) -> str:
    """Return the event type that a person means: its `pattern.` may be left out."""
    return f"pattern.{text}" if f"pattern.{text}" in EVENT_TYPES else text


def filters(statuses: Sequence[str] = EVENT_STATUSES, *, types: bool = True) -> Callable[[Function], Function]:
    """Add the options that say which events or runs are wanted."""
    many: dict[str, Any] = {"multiple": True, "metavar": "ID"}
    options: list[Callable[[Function], Function]] = [
        click.option("--job-id", "-j", **many, help="Of this job; may be given again, as may the next four."),
        click.option("--pattern-run-id", "-r", **many, help="Of this run."),
        click.option("--pattern-id", "-p", **many, help="Of this pattern."),
        click.option("--status", "-s", multiple=True, type=click.Choice(statuses), help="With this status."),
        click.option("--since", callback=_moment, metavar="TIME", help="From then: 30m, 1h, 2d ago, or ISO."),
        click.option("--until", callback=_moment, metavar="TIME", help="Not after."),
        click.option(
            "--file", "-i", "files", multiple=True, type=click.Path(allow_dash=True), metavar="PATH",
            help="Read this log, the logs of this folder, or `-` for standard input.",
        ),
    ]  # fmt: skip
    if types:
        options.insert(
            3,
            click.option(
                "--type", "-t", "types", multiple=True, metavar="TYPE", shell_complete=_complete_type,
                help="Of this type, such as execution.failed.",
            ),
        )  # fmt: skip

    def add(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def run_filters(statuses: Sequence[str]) -> Callable[[Function], Function]:
    """Add the options that say which runs are wanted: those of `filters`, and what only a whole run has."""
    options = [
        click.option("--step-id", multiple=True, metavar="ID", help="Of this step."),
        click.option("--operation", multiple=True, metavar="KIND", help="Of this kind of operation."),
        click.option("--result", multiple=True, type=click.Choice(RESULTS), help="That ended so."),
        click.option("--contains", metavar="TEXT", help="With this in the command or the error, in any case."),
        click.option("--longer-than", callback=length, metavar="TIME", help="That took longer: 90s, 5m."),
        click.option("--with-artifacts/--without-artifacts", default=None, help="That left files, or none."),
    ]  # fmt: skip

    def add(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return filters(statuses, types=False)(function)

    return add


def run_filter(
    job_id: Sequence[str] = (),
    pattern_run_id: Sequence[str] = (),
    pattern_id: Sequence[str] = (),
    status: Sequence[str] = (),
    since: int | None = None,
    until: int | None = None,
    step_id: Sequence[str] = (),
    operation: Sequence[str] = (),
    result: Sequence[str] = (),
    contains: str | None = None,
    longer_than: int | None = None,
    with_artifacts: bool | None = None,
) -> Filter:
    """Return the filter that the options of `run_filters` say."""
    return Filter(
        run_ids=frozenset(map(run_id, pattern_run_id)),
        job_ids=frozenset(job_id),
        step_ids=frozenset(step_id),
        pattern_ids=frozenset(pattern_id),
        operation_kinds=frozenset(operation),
        statuses=frozenset(status),
        results=frozenset(result),
        since_us=None if since is None else -(-since // 1000),
        until_us=None if until is None else until // 1000,
        text=contains or "",
        longer_than_us=None if longer_than is None else longer_than // 1000,
        has_artifact=with_artifacts,
    )


def _complete_type(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    short = [name.removeprefix("pattern.") for name in EVENT_TYPES]
    return [name for name in short if name.startswith(incomplete)]


def query(
    job_id: Sequence[str] = (),
    pattern_run_id: Sequence[str] = (),
    pattern_id: Sequence[str] = (),
    types: Sequence[str] = (),
    status: Sequence[str] = (),
    since: int | None = None,
    until: int | None = None,
) -> Query:
    """Return the query that these options ask."""
    return Query(
        job_ids=frozenset(job_id),
        run_ids=frozenset(map(run_id, pattern_run_id)),
        pattern_ids=frozenset(pattern_id),
        types=frozenset(map(event_type, types)),
        statuses=frozenset(status),
        since_ns=since,
        until_ns=until,
    )


def logs(files: Sequence[str]) -> list[str]:
    """Return the logs to read. Raises NotFoundError, with what to do, where nothing was ever recorded."""
    if files:
        return given(files)
    import os

    log = settings().place().log
    paths = with_rotated(log)
    if len(paths) == 1 and not os.path.exists(log):
        raise NotFoundError(
            f"{log}: no log here yet\n"
            "  Another folder: --root DIR, --events-dir DIR or PATTERNSPAN_ROOT.\n"
            "  A first log: patternspan demo"
        )
    return paths
