"""`patternspan ingest`: what is new in the log into the state store."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from patternspan.aggregate.plain import counted
from patternspan.cli.options import logs, settings, shared
from patternspan.cli.screen import Screen, note
from patternspan.cli.state_store import bring_up, store_url
from patternspan.errors import StoreError

if TYPE_CHECKING:
    from patternspan.log.reader import BadLine
    from patternspan.store import Store

_LOOK_SECONDS: Final = 0.25
_AGAIN_SECONDS: Final = 2.0


@click.command()
@click.option("--follow", "-f", "following", is_flag=True, help="Go on, until it is interrupted.")
@shared()
def ingest(following: bool) -> None:
    """Take what is new in the log into the state store.

    The store is patternspan.db in the root, or what --store names. Where it is there, `runs`, `run` and `stats` take
    in what is new by themselves, and answer at once however long the log is.
    """
    from patternspan.store import Store

    if not following:
        logs(())
    with Screen(settings().color) as screen:
        store = Store(store_url())
        try:
            new = _follow(store, screen) if following else bring_up(store, screen).new
        finally:
            store.close()
    note(f"{store.name}: {counted(new, 'new event')}")


def _follow(store: Store, screen: Screen) -> int:
    """Take in what comes until the interrupt key, and return how many events came; a server that goes is waited for."""
    new = 0
    is_away = False
    told: set[BadLine] = set()

    def problem(bad: BadLine) -> None:
        if bad.number or bad not in told:
            told.add(bad)
            screen.bad(bad)

    with suppress(KeyboardInterrupt):
        while True:
            try:
                done = bring_up(store, screen, problem)
            except StoreError as error:
                if not is_away:
                    note(f"{error}")
                is_away = True
                time.sleep(_AGAIN_SECONDS)
                continue
            if is_away:
                note(f"{store.name}: goes on")
            is_away = False
            new += done.new
            time.sleep(_LOOK_SECONDS)
    return new
