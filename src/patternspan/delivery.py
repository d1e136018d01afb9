"""What the collector has not accepted is sent again out of the log: by this process, and in the name of dead ones."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec
from opentelemetry.sdk.resources import Resource

from patternspan.errors import LineError
from patternspan.export.batches import Parcel, Send, batched, send_in_parts
from patternspan.export.ledger import Account, Ledger, accounts_in, append, read_account
from patternspan.export.locks import tried
from patternspan.export.rebuild import spans_of
from patternspan.log.processes import Processes
from patternspan.model.event import PatternEvent
from patternspan.model.fold import end_of, in_order, is_terminal
from patternspan.model.process import process_of
from patternspan.model.span_note import was_sampled
from patternspan.reading import read_events

_BATCH: Final = 512
_MARGIN_NS: Final = 60_000_000_000
"""How much before a ledger's beginning the log is read: clocks are set."""
_BREATH: Final = 200
"""Events that are read in one go, before other threads get their turn."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What a delivery has done."""

    path: str
    """The ledger."""
    endpoint: str
    state: str
    """`sent`, `owed` (with `dry_run`), `nothing owed`, `refused` (some or all are still owed), `busy` (its process
    lives, or another one delivers), `elsewhere` (of another endpoint or host)."""
    sent: int = 0
    """Runs that were accepted."""
    owed: int = 0
    """Runs that are owed still; with `dry_run`, all that would be sent."""
    unended: int = 0
    """Runs that have not ended: `patternspan recover` ends those whose process is gone."""


def deliver_all(
    root: str, send: Send, endpoint: str | None, *, dry_run: bool = False, hurry: bool = True
) -> Iterator[Delivered]:
    """Send what dead processes owe below `root`, one ledger after the other; `endpoint` None takes any.

    A ledger all of whose runs were accepted is removed. Where the collector refuses, the rest is left for later.
    """
    processes = Processes()
    for path in accounts_in(root):
        account = read_account(path)
        if account is None:
            continue
        if endpoint is not None and account.endpoint != endpoint:
            yield Delivered(path=path, endpoint=account.endpoint, state="elsewhere")
            continue
        state = processes.state(account.process)
        if state != "gone":
            yield Delivered(path=path, endpoint=account.endpoint, state="busy" if state == "alive" else "elsewhere")
            continue
        with tried(path, create=False) as descriptor:
            # Read again under the lock: another delivery may have ended just now.
            current = read_account(path) if descriptor >= 0 else None
            if current is None:
                yield Delivered(path=path, endpoint=account.endpoint, state="busy")
                continue
            yield _deliver(root, current, send, dry_run=dry_run, hurry=hurry)


def left_behind(root: str) -> list[Account]:
    """Return the ledgers of processes that are gone and in which not all that has ended is known to be sent."""
    processes = Processes()
    accounts = (read_account(path) for path in accounts_in(root))
    return [
        account
        for account in accounts
        if account is not None and not account.ended and processes.state(account.process) == "gone"
    ]


def _deliver(root: str, account: Account, send: Send, *, dry_run: bool, hurry: bool) -> Delivered:
    open_runs: set[str] = set()
    sent = owed = 0
    is_taking = not dry_run
    for batch in batched(_parcels(root, account, open_runs, hurry=hurry), _BATCH):
        owed += len(batch)
        if not is_taking:
            continue
        result = send_in_parts(send, batch, lambda runs: append(account.path, {"accepted": runs}))
        accepted = len(batch) - len(result.refused)
        sent, owed = sent + accepted, owed - accepted
        is_taking = not result.is_away
    if not owed and not open_runs and not dry_run:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(account.path)
    elif not owed and not dry_run and not account.ended:
        append(account.path, {"ended": True})
    state = ("owed" if dry_run else "refused") if owed else "sent" if sent else "nothing owed"
    return Delivered(
        path=account.path, endpoint=account.endpoint, state=state, sent=sent, owed=owed, unended=len(open_runs)
    )


def deliver_others(root: str, endpoint: str) -> Callable[[Send], None]:
    """Return what a process's own thread does about the ledgers of dead processes: at leisure, and quietly."""

    def others(send: Send) -> None:
        waiting = [path for path in accounts_in(root) if _is_waiting(path, endpoint)]
        if waiting:
            for _ in deliver_all(root, send, endpoint, hurry=False):
                pass

    return others


def _is_waiting(path: str, endpoint: str) -> bool:
    account = read_account(path)
    return (
        account is not None
        and account.endpoint == endpoint
        and not account.ended
        and account.process.pid != os.getpid()
    )


def own_debts(root: str) -> Callable[[Ledger], Iterator[Parcel]]:
    """Return what gives the runs that this process's own ledger owes."""

    def source(ledger: Ledger) -> Iterator[Parcel]:
        account = read_account(ledger.path)
        if account is None:
            return iter(())
        return _parcels(root, account, set(), only=account.owed, hurry=False)

    return source


def _parcels(
    root: str, account: Account, open_runs: set[str], *, only: set[str] | None = None, hurry: bool
) -> Iterator[Parcel]:
    """Yield the runs of an account that were not accepted, as spans; `open_runs` is left with those without an end."""
    resource = Resource(account.resource)
    for run, events in _runs(root, account, open_runs, only, hurry=hurry):
        if not was_sampled(events):
            continue
        span_id = next((event.span_id for event in events if isinstance(event.span_id, str)), "")
        with contextlib.suppress(LineError, ValueError):
            yield run, spans_of(in_order(events), resource, without=account.children.get(span_id, ()))


def _runs(
    root: str, account: Account, open_runs: set[str], only: set[str] | None, *, hurry: bool
) -> Iterator[tuple[str, list[PatternEvent]]]:
    begun: dict[str, list[PatternEvent]] = {}
    done = set(account.accepted)
    since = datetime.fromtimestamp(max(0, account.since_ns - _MARGIN_NS) / 1e9, UTC)
    for number, event in enumerate(read_events(root, since=since)):
        if not hurry and number % _BREATH == 0:
            time.sleep(0.001)
        run = event.pattern_run_id
        if run in done or (only is not None and run not in only):
            continue
        events = begun.get(run)
        if events is None:
            if only is None and (process_of((event,)) != account.process or _is_settled(event, account)):
                # Another process's, or one whose beginning is not in reach: once for all of its events.
                done.add(run)
                continue
            events = begun[run] = []
        events.append(event)
        if is_terminal(event) and end_of(events) is not None:
            done.add(run)
            yield run, begun.pop(run)
    open_runs.update(begun)


def _is_settled(event: PatternEvent, account: Account) -> bool:
    return event.time_ns < account.renewed_ns and event.span_id not in account.open
