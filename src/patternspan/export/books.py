"""What became of the spans of one process: accepted, lost, and the runs that the log owes for them."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan, Span

from patternspan.export.ledger import Children, Ledger
from patternspan.model.vocabulary import RUN_ID, SPAN_EXECUTION, SPAN_SELECTION, SPAN_TEMPLATE, SPAN_VALIDATION
from patternspan.record import guard
from patternspan.record.redact_sinks import redact_attributes

_OWN_SCOPE: Final = "patternspan"
_PHASES: Final = frozenset({SPAN_SELECTION, SPAN_TEMPLATE, SPAN_VALIDATION, SPAN_EXECUTION})
"""Parts of a run that are made again with it."""


class Books:
    """The counts, and the ledger with what it needs to know.

    The thread that sends keeps them. Others only add to `lost` and `open`, in steps that are whole by themselves, so
    that a signal handler may end a span in the middle of anything.
    """

    def __init__(self, ledger: Ledger | None) -> None:
        self.ledger = ledger
        self.exported = 0
        """Spans that the collector has accepted from the queue."""
        self.resent = 0
        """Spans that it has accepted, made again from the log."""
        self.dropped = 0
        """Spans given up: the queue was full, or the collector refused them. Of runs, the log has what it takes."""
        self.lost: deque[str] = deque()
        """Of the spans that the queue had no room for, the ids of runs, else empty texts: as little as is needed until
        the thread that sends has taken note of them, which may be busy for as long as an exporter tries."""
        self.open: dict[int, int] = {}
        """Ids of runs' spans that have not ended -> when they began."""
        self._torn: set[int] = set()
        """Ids of spans a part of which was lost: such a run is sent whole, from the log."""
        self._early: dict[int, list[str]] = {}
        """Ids of spans that were not accepted yet -> names of their parts that were."""
        self._began_ns = time.time_ns()

    # In the threads of the application

    def begin(self, ledger: Ledger, span: Span, process: Mapping[str, Any]) -> None:
        """Make the ledger. Where that cannot be done, the log cannot be either as a rule, which says so."""
        with contextlib.suppress(OSError):
            if not ledger.is_begun:
                if ledger.resource is None:
                    ledger.resource = redact_attributes(span.resource.attributes)
                ledger.begin(process, self._began_ns, dict(self.open))

    def lose(self, span: ReadableSpan) -> None:
        """Hear that the queue has no room for a span."""
        self.lost.append(self._tear(span))

    # In the thread that sends

    def note_lost(self) -> None:
        """Count what was lost since, and have the log owe its runs."""
        if self.lost:
            self._drop([self.lost.popleft() for _ in range(len(self.lost))])

    def whole(self, spans: list[ReadableSpan]) -> list[ReadableSpan]:
        """Return the spans of which no part was lost; the others are given up."""
        if not self._torn:  # looked at now: a part that is lost was lost before its run came into the queue
            return spans
        found = []
        for span in spans:
            if span.context.span_id in self._torn:
                self.give_up([span])
            else:
                found.append(span)
        return found

    def accept(self, spans: list[ReadableSpan]) -> None:
        """Note that the collector has taken these."""
        self.exported += len(spans)
        runs: list[str] = []
        parents: set[int] = set()
        for span in spans:
            run = run_id(span)
            if run is not None:
                runs.append(run)
            elif (parent := _own_parent(span)) != 0:
                parents.add(parent)
                self._early.setdefault(parent, []).append(span.name)
            self._early.pop(span.context.span_id, None)
        if self.ledger is not None:
            self._note(self.ledger.accept, runs, self._children(parents))

    def pay(self, runs: list[str]) -> None:
        """Note that the collector has taken these runs, made again from the log."""
        if self.ledger is not None:
            self._note(self.ledger.accept, runs, {})

    def give_up(self, spans: Iterable[ReadableSpan]) -> None:
        """Leave spans to the log: of a part of a run, the whole run."""
        self._drop([self._tear(span) for span in spans])

    def renew(self, process: Mapping[str, Any], open_spans: Mapping[int, int]) -> None:
        """Begin the ledger anew with what is not settled."""
        if self.ledger is not None:
            self._note(self.ledger.renew, process, open_spans, self._children(self._early))

    def close(self, queue: Iterable[ReadableSpan]) -> None:
        """Take the ledger away; leave it where something is owed, of what is queued still, too."""
        if self.ledger is None:
            return
        queued = list(queue)
        if queued or self.ledger.owes or self._torn or self.lost or self.open:
            self._owe([run for span in queued if (run := run_id(span)) is not None])
            self.ledger.forget()
        else:
            self.ledger.remove()

    def _children(self, parents: Iterable[int]) -> Children:
        return {f"{parent:016x}": self._early[parent] for parent in parents if parent in self._early}

    def _tear(self, span: ReadableSpan) -> str:
        """Have the run of a part go to the log; return the id of a run, if this is one's own span."""
        run = run_id(span)
        if run is not None:
            self._torn.discard(span.context.span_id)
            return run
        parent = _own_parent(span)
        if parent:
            self._torn.add(parent)
        return ""

    def _drop(self, runs: list[str]) -> None:
        self.dropped += len(runs)
        self._owe([run for run in runs if run])

    def _owe(self, runs: list[str]) -> None:
        if runs and self.ledger is not None:
            self._note(self.ledger.owe, runs)

    def _note(self, write: Callable[..., None], *values: object) -> None:
        try:
            write(*values)
        except OSError as error:
            guard.fault("delivery", error)


def run_id(span: ReadableSpan) -> str | None:
    """Return the id of the run that a span stands for; None for any other span."""
    run = span.attributes.get(RUN_ID) if span.attributes is not None else None
    return run if isinstance(run, str) and _is_own(span) else None


def _own_parent(span: ReadableSpan) -> int:
    """Return the id of the run's span that this one is a phase of, and with which it is made again; else 0."""
    return span.parent.span_id if span.parent is not None and span.name in _PHASES and _is_own(span) else 0


def _is_own(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == _OWN_SCOPE
