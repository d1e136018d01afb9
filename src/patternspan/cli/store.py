"""`patternspan store`: the state store made anew out of the log, or held against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from patternspan.aggregate.plain import counted, visible
from patternspan.cli.group import INVALID
from patternspan.cli.options import logs, settings, shared
from patternspan.cli.progress import Progress
from patternspan.cli.screen import Screen, note
from patternspan.cli.state_store import store_url, taking_in
from patternspan.errors import ConfigError
from patternspan.model.wire import encode_value

if TYPE_CHECKING:
    from patternspan.store import Verified


@click.group()
@shared()
def store() -> None:
    """Make the state store anew out of the log, or hold it against the log."""


@store.command()
@click.option("--other-logs", is_flag=True, help="Also where events of other logs are in it, which go.")
@shared()
def rebuild(other_logs: bool) -> None:
    """Empty the store and take the log in from its beginning.

    The store is a cache: nothing is in it that is not in the log, but for events of segments that were removed since,
    and for those of other logs, such as those of other hosts. They come back when their own log is taken in.
    """
    from patternspan.store import Store

    logs(())
    log = settings().place().log
    with Screen(settings().color) as screen:
        opened = Store(store_url())
        try:
            others = opened.other_logs(log)
            if others and not other_logs:
                raise ConfigError(
                    f"{opened.name}: events of other logs are in it: {', '.join(others)}\n"
                    "  With --other-logs they go, and come back when each of these logs is taken in again."
                )
            with taking_in(opened, screen.bad) as (bad, told):
                before, done = opened.rebuild(log, bad, told)
        finally:
            opened.close()
    gone = f"; {counted(before - done.new, 'event')} no longer in the log" if before > done.new else ""
    note(f"{opened.name}: {counted(done.new, 'event')}{gone}")


@store.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@shared()
def verify(as_json: bool) -> None:
    """Show that the store holds what follows from the log, and nothing else.

    Each event of the log is looked up, and each row made anew from its events. Exits with 4 where they differ.
    """
    from patternspan.store import Store

    logs(())
    progress = Progress()

    def told(found: Verified) -> None:
        if progress.is_due:
            progress.say(f"{found.events:,} events and {found.runs:,} runs held against the log")

    with Screen(settings().color) as screen:
        opened = Store(store_url())
        try:
            found = opened.verify(settings().place().log, told)
        finally:
            progress.clear()
            opened.close()
        if as_json:
            screen.raw(encode_value({"store": opened.name, **_members(found)}))
        else:
            _write(screen, opened.name, found)
    if found.differences:
        click.get_current_context().exit(INVALID)


def _members(found: Verified) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _write(screen: Screen, name: str, found: Verified) -> None:
    if found.differences:
        screen.line(f"{screen.paint('differs', 'failed')}  {name}: {counted(found.differences, 'difference')}")
        screen.line(f"  the first: {visible(found.first)}")
        screen.line("  The log decides. Make the store anew: patternspan store rebuild")
    else:
        events, runs = counted(found.events, "event"), counted(found.runs, "run")
        screen.line(f"{screen.paint('same', 'success')}  {name}: {events} of the log, {runs}")
    if found.why_beyond and found.beyond:
        screen.line(f"  {counted(found.beyond, 'event')} more, {visible(found.why_beyond)}")
