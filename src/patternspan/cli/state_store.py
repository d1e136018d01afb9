"""The state store, where there is one: brought up to date before it is asked."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patternspan.cli.options import settings
from patternspan.cli.progress import Progress
from patternspan.errors import MissingExtraError, StoreError
from patternspan.layout import store_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from patternspan.cli.screen import Screen
    from patternspan.log.reader import BadLine
    from patternspan.store import Ingested, Store


def store_url() -> str:
    """Return the store that was named, else the path of the one in the root."""
    return settings().store_url() or store_file(settings().place().root)


def bring_up(store: Store, screen: Screen, problem: Callable[[BadLine], object] | None = None) -> Ingested:
    """Take what is new in the log into the store; lines that cannot be read are reported on the screen."""
    with taking_in(store, problem or screen.bad) as (bad, told):
        return store.ingest(settings().place().log, bad, told)


@contextmanager
def taking_in(
    store: Store, problem: Callable[[BadLine], object]
) -> Iterator[tuple[Callable[[BadLine], None], Callable[[Ingested], None]]]:
    """Give what an ingest tells of bad lines and of how far it is, which a person sees where it takes a while."""
    progress = Progress()

    def told(done: Ingested) -> None:
        if progress.is_due:
            share = min(100, done.bytes * 100 // max(1, done.total))
            progress.say(f"{store.name}: {done.new:,} new events, {share} % of the log")

    def bad(line: BadLine) -> None:
        progress.clear()
        problem(line)

    try:
        yield bad, told
    finally:
        progress.clear()


@contextmanager
def state_store(files: Sequence[str], screen: Screen) -> Iterator[Store | None]:
    """Yield the store with all that the log holds by now; None where the log is to be read.

    That is so where files are named, where no store was named and none is in the root, and where it cannot be used,
    which is told on standard error. Raises MissingExtraError where a store was named and cannot be opened without it.
    """
    store = None if files else _opened(screen)
    try:
        yield store
    finally:
        if store is not None:
            store.close()


def _opened(screen: Screen) -> Store | None:
    named = bool(settings().store_url())
    url = store_url()
    if not named and not os.path.isfile(url):
        return None
    try:
        from patternspan.store import Store
    except MissingExtraError:
        if named:
            raise
        return None
    try:
        store = Store(url)
        bring_up(store, screen)
    except StoreError as error:
        screen.aside(f"{error}; the log is read instead")
        return None
    return store
