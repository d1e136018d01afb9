"""The span processor that knows what was accepted, and sends the rest again.

A finished span is put into a bounded queue, which takes no lock and waits for nobody, so that a signal handler may end
a span in the middle of anything. One thread sends batches. A batch that fails goes back to the front of the queue. What
the queue has no room for is counted, and its run is noted as owed: the log holds it, and it is sent from there when the
collector takes spans again. A forked child begins with an empty queue, a thread and an exporter of its own.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from patternspan.export.answers import rejected
from patternspan.export.batches import MOST_BYTES, MOST_HALVINGS, QUICK_SECONDS, Parcel, batched, send_in_parts, size_of
from patternspan.export.ledger import Ledger
from patternspan.export.queue_limits import QueueLimits
from patternspan.model.vocabulary import RUN_ID, SPAN_EXECUTION, SPAN_SELECTION, SPAN_TEMPLATE, SPAN_VALIDATION
from patternspan.record import guard
from patternspan.record.redact_sinks import redact_attributes

Source = Callable[[Ledger], Iterator[Parcel]]
"""Gives the runs that a ledger owes, out of the log."""

_OWN_SCOPE: Final = "patternspan"
_PHASES: Final = frozenset({SPAN_SELECTION, SPAN_TEMPLATE, SPAN_VALIDATION, SPAN_EXECUTION})
"""Parts of a run that are made again with it."""
_REFUSALS: Final = 3
"""How often the same span is refused before it gives way to the next."""
_REGAINED: Final = 16
"""By how many spans batches grow again, one after the other, when they had to be made smaller."""
_DOWN_SECONDS: Final = 1.0
"""How long exit waits for a collector that has not taken the last batch."""
_LONGEST_PAUSE: Final = 30.0
_PAY_SECONDS: Final = (5.0, 300.0)
"""After how long runs that the collector refused are sent again, at first and at most."""
_READING: Final = 5
"""How many times as long as it took to send what was owed nothing more of it is sent."""
_OTHERS_SECONDS: Final = 60.0
"""How often ledgers of dead processes are looked for."""


class SpanCounts:
    """What became of spans. Only the processor's own thread counts; others put what is to be counted into a deque."""

    def __init__(self) -> None:
        self.exported = 0
        """Accepted by the collector, from the queue."""
        self.resent = 0
        """Accepted, made again from the log."""
        self.dropped = 0
        """Given up: the queue was full, or the collector refused them. Of runs, the log has what it takes."""


class OutboxSpanProcessor(SpanProcessor):
    """Sends finished spans, and what could not be sent again from the log."""

    def __init__(
        self,
        make_exporter: Callable[[], SpanExporter],
        ledger: Ledger | None = None,
        source: Source | None = None,
        others: Callable[[Callable[[list[ReadableSpan]], bool]], None] | None = None,
        process: Callable[[], Mapping[str, Any]] | None = None,
        limits: QueueLimits | None = None,
    ) -> None:
        """Make the processor; its thread and its exporter begin with the first span.

        `source` gives what a ledger owes, `others` sends what dead processes owe with the function that it is given.
        """
        self._make_exporter = make_exporter
        self._ledger = ledger
        self._source = source
        self._others = others
        self._process = process or (lambda: {"pid": os.getpid()})
        self._limits = limits or QueueLimits.from_environment()
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        self.counts = SpanCounts()
        self._queue: deque[ReadableSpan] = deque()
        self._lost: deque[str] = deque()
        """Of the spans that the queue had no room for, the ids of runs, else empty texts: as little as is needed until
        this processor's thread has taken note of them, which may be busy for as long as an exporter tries."""
        self._torn: set[int] = set()
        """Ids of spans a part of which was lost: such a run is sent whole, from the log."""
        self._early: dict[int, list[str]] = {}
        """Ids of spans that were not accepted yet -> names of their parts that were."""
        self._open: dict[int, int] = {}
        """Ids of runs' spans that have not ended -> when they began."""
        self._began_ns = time.time_ns()
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        self._done = _thread.allocate_lock()
        self._starting = _thread.allocate_lock()
        self._is_running = False
        self._is_stopped = False
        self._deadline = float("inf")
        self._failures = 0
        """How often in a row sending has failed."""
        self._failed = 0
        """How often it has failed at all."""
        self._sending = 0
        """Spans that are with the exporter."""
        self._not_before = 0.0
        self._others_at = 0.0
        self._pay_at = self._pay_pause = 0.0
        self._most = self._limits.batch
        """Spans of the next batch; fewer for a while after a refusal."""
        self._halvings = 0
        self._exporter: SpanExporter | None = None

    # In the threads of the application

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        """Begin the ledger with the first run."""
        attributes = span.attributes
        if attributes is not None and RUN_ID in attributes and self._ledger is not None:
            if not self._ledger.is_begun:
                self._begin_ledger(self._ledger, span)
            self._open[span.context.span_id] = span.start_time or 0

    def on_end(self, span: ReadableSpan) -> None:
        """Put a span into the queue."""
        context = span.context
        if context.trace_flags & 1 and not self._is_stopped:
            self._put(span)
        if self._open:
            self._open.pop(context.span_id, None)  # last: until then nobody takes its run for settled

    def _put(self, span: ReadableSpan) -> None:
        queue = self._queue
        if len(queue) >= self._limits.queue:
            self._lost.append(self._tear(span))
            return
        queue.append(span)
        if not self._is_running:
            self._start()
        elif len(queue) == self._limits.batch or len(queue) == self._limits.queue:
            self._call()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is queued, and say whether all of it was accepted."""
        end = time.monotonic() + timeout_millis / 1000
        dropped, failed = self.counts.dropped, self._failed
        self._not_before = 0.0
        while (self._queue or self._lost or self._sending) and time.monotonic() < end and self._failed == failed:
            self._start()
            self._call()
            time.sleep(0.002)
        return not (self._queue or self._lost or self._sending) and self.counts.dropped == dropped

    def shutdown(self, timeout_millis: int | None = None) -> None:
        """Send what is queued within a bounded time; what is left then is owed."""
        if self._is_stopped:
            return
        limit = self._limits.exit if timeout_millis is None else timeout_millis / 1000
        if self._failures:
            limit = min(limit, _DOWN_SECONDS)  # it does not answer, and the log has the runs
        self._deadline = time.monotonic() + limit
        self._not_before = 0.0
        self._is_stopped = True
        if self._is_running:
            self._call()
            if not self._done.acquire(timeout=limit):
                self._let_go()
                self._done.acquire(timeout=0.2)
        else:
            self._finish()

    def _call(self) -> None:
        # Never waits, and may be called by a signal handler.
        with contextlib.suppress(RuntimeError):
            self._wake.release()

    def _start(self) -> None:
        if self._is_running or self._is_stopped or not self._starting.acquire(False):
            return
        try:
            if not self._is_running:
                self._done.acquire(False)
                _thread.start_new_thread(self._run, ())
                self._is_running = True
                _flush_in_pool_workers(self)
        except RuntimeError:
            return  # the interpreter is ending
        finally:
            self._starting.release()

    def _begin_ledger(self, ledger: Ledger, span: Span) -> None:
        if not self._starting.acquire(False):
            return  # another thread is at it
        try:
            # Where it cannot be made, the log cannot either as a rule, which says so; the next run tries again.
            with contextlib.suppress(OSError):
                if not ledger.is_begun:
                    if ledger.resource is None:
                        ledger.resource = redact_attributes(span.resource.attributes)
                    ledger.begin(self._process(), self._began_ns, dict(self._open))
        finally:
            self._starting.release()

    # In the thread of this processor

    def _run(self) -> None:
        try:
            while not self._is_stopped:
                pause = max(0.0, self._not_before - time.monotonic())
                self._wake.acquire(timeout=pause or self._limits.delay)
                try:
                    self._work()
                except Exception as error:  # noqa: BLE001 - this thread goes on
                    guard.fault("delivery", error)
            self._finish()
        finally:
            with contextlib.suppress(RuntimeError):
                self._done.release()

    def _work(self) -> None:
        """Send all that is queued, then what is owed; stop at the first failure, and wait longer each time."""
        self._note_lost()
        if time.monotonic() < self._not_before:
            return
        while self._queue and self._send():
            self._note_lost()
        if self._queue or self._failures or self._is_stopped:
            return
        if self._ledger is not None:
            if self._ledger.owes and self._source is not None:
                if time.monotonic() >= self._pay_at:
                    self._pay(self._ledger, self._source)
            elif self._ledger.is_large:
                self._renew(self._ledger)
        if self._others is not None and not self._failures and time.monotonic() >= self._others_at:
            self._others_at = time.monotonic() + _OTHERS_SECONDS
            self._others(self._resend)

    def _send(self) -> bool:
        """Send one batch, and say whether to go on; where it fails it goes back to the front.

        One that is refused goes in smaller parts, down to a single span, which gives way in the end.
        """
        self._sending = 1
        try:
            batch = self._batch()
            self._sending = len(batch)
            begin = time.monotonic()
            if not batch or self._export(batch):
                self._failures = self._halvings = 0
                self._most = min(self._limits.batch, self._most + _REGAINED)
                self.counts.exported += len(batch)
                self._accept(batch)
                return True
            is_refusal = time.monotonic() - begin < QUICK_SECONDS
            self._sending = 0
            if is_refusal and len(batch) > 1 and self._halvings < MOST_HALVINGS:
                self._queue.extendleft(reversed(batch))
                self._halvings += 1
                self._most = len(batch) // 2
                return True
            self._fail()
            if is_refusal and self._failures >= _REFUSALS and not self._is_stopped:
                self._give_up(batch)
            else:
                self._queue.extendleft(reversed(batch))
            return False
        finally:
            self._sending = 0

    def _batch(self) -> list[ReadableSpan]:
        """Take what is sent next out of the queue, without spans of which a part was lost."""
        taken: list[ReadableSpan] = []
        size = 0
        while self._queue and len(taken) < self._most:
            size += size_of(self._queue[0])
            if taken and size > MOST_BYTES:
                break
            taken.append(self._queue.popleft())
        if not self._torn:  # looked at now: a part that is lost was lost before its run came into the queue
            return taken
        whole = []
        for span in taken:
            if span.context.span_id in self._torn:
                self._give_up([span])
            else:
                whole.append(span)
        return whole

    def _fail(self) -> None:
        self._failures += 1
        self._failed += 1
        self._not_before = time.monotonic() + min(_LONGEST_PAUSE, 0.5 * 2**self._failures)

    def _export(self, spans: list[ReadableSpan]) -> bool:
        token = otel_context.attach(otel_context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            if self._exporter is None:
                self._exporter = self._make_exporter()
            return self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception as error:  # noqa: BLE001 - exporters may raise anything
            guard.fault("exporter", error)
            return False
        finally:
            otel_context.detach(token)

    def _resend(self, spans: list[ReadableSpan]) -> bool:
        """Send spans that were made from the log, between the batches of the queue."""
        while len(self._queue) >= self._limits.batch and not self._is_stopped:
            if not self._send():
                return False
        if self._is_stopped or not self._export(spans):
            self._fail()
            return False
        self._failures, self._not_before = 0, 0.0
        self.counts.resent += len(spans)
        return True

    def _pay(self, ledger: Ledger, source: Source) -> None:
        """Send what is owed out of the log."""
        ledger.owes = False  # from here on; what is given up meanwhile is owed anew, and not among these
        is_paid, began, refused = False, time.monotonic(), 0
        try:
            for batch in batched(source(ledger), self._limits.batch):
                sent = send_in_parts(self._resend, batch, lambda runs: self._note(lambda: ledger.accept(runs, {})))
                refused += len(sent.refused)
                if sent.is_away:
                    return
            is_paid = not refused
            self._pay_pause = 0.0 if is_paid else min(_PAY_SECONDS[1], max(_PAY_SECONDS[0], 2 * self._pay_pause))
            now = time.monotonic()
            # Where the queue overflows all the time, most of the time goes to the queue, and not to reading the log.
            self._pay_at = now + max(self._pay_pause, _READING * (now - began))
        finally:
            if not is_paid:
                ledger.owes = True

    def _renew(self, ledger: Ledger) -> None:
        open_spans = dict(self._open)
        if not (self._queue or self._lost):  # looked at after the spans that are open: none is in neither
            children = {f"{parent:016x}": names for parent, names in self._early.items()}
            ledger.renew(self._process(), open_spans, children)

    def _accept(self, spans: list[ReadableSpan]) -> None:
        runs: list[str] = []
        parents: set[int] = set()
        for span in spans:
            run = _run_id(span)
            if run is not None:
                runs.append(run)
            elif (parent := _own_parent(span)) != 0:
                parents.add(parent)
                self._early.setdefault(parent, []).append(span.name)
            self._early.pop(span.context.span_id, None)
        children = {f"{parent:016x}": self._early[parent] for parent in parents if parent in self._early}
        if self._ledger is not None and (runs or children):
            ledger = self._ledger
            self._note(lambda: ledger.accept(runs, children))

    def _give_up(self, spans: Iterable[ReadableSpan]) -> None:
        """Leave spans to the log: of a part of a run, the whole run."""
        self._drop([self._tear(span) for span in spans])

    def _tear(self, span: ReadableSpan) -> str:
        """Have the run of a part go to the log; return the id of a run, if this is one's own span."""
        run = _run_id(span)
        if run is not None:
            self._torn.discard(span.context.span_id)
            return run
        parent = _own_parent(span)
        if parent:
            self._torn.add(parent)
        return ""

    def _note_lost(self) -> None:
        if self._lost:
            self._drop([self._lost.popleft() for _ in range(len(self._lost))])

    def _drop(self, runs: list[str]) -> None:
        self.counts.dropped += len(runs)
        self._owe([run for run in runs if run])

    def _owe(self, runs: list[str]) -> None:
        if runs and self._ledger is not None:
            ledger = self._ledger
            self._note(lambda: ledger.owe(runs))

    def _note(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            guard.fault("delivery", error)

    def _finish(self) -> None:
        """Send what there is until the deadline; leave the ledger where something is owed."""
        try:
            self._note_lost()
            while self._queue and time.monotonic() < self._deadline and self._send():
                self._note_lost()
            if self._ledger is not None:
                if self._queue or self._ledger.owes or self._torn or self._lost or self._open:
                    self._owe([run for span in self._queue if (run := _run_id(span)) is not None])
                    self._ledger.forget()
                else:
                    self._ledger.remove()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            with contextlib.suppress(Exception):
                exporter.shutdown()

    def after_fork(self) -> None:
        """Begin anew in a forked child: the parent sends what the parent has queued."""
        if self._ledger is not None:
            self._ledger.begin_anew()
        if not self._is_stopped:
            self._reset()


def _run_id(span: ReadableSpan) -> str | None:
    run = span.attributes.get(RUN_ID) if span.attributes is not None else None
    return run if isinstance(run, str) and _is_own(span) else None


def _own_parent(span: ReadableSpan) -> int:
    """Return the id of the run's span that this one is a phase of, and with which it is made again; else 0."""
    return span.parent.span_id if span.parent is not None and span.name in _PHASES and _is_own(span) else 0


def _is_own(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == _OWN_SCOPE


def _flush_in_pool_workers(processor: OutboxSpanProcessor) -> None:
    """Have a child of `multiprocessing` flush when its work is done: it ends without the interpreter's own end."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(processor, processor.shutdown, exitpriority=1)


_all: Final[weakref.WeakSet[OutboxSpanProcessor]] = weakref.WeakSet()


def _after_fork() -> None:
    rejected.spans = 0
    for processor in list(_all):
        processor.after_fork()


class SpanTotals(NamedTuple):
    """What became of the spans of this process, over all of its processors."""

    exported: int
    resent: int
    dropped: int
    queued: int


def span_counts() -> SpanTotals:
    """Return the totals since this process began or was forked."""
    processors = list(_all)
    return SpanTotals(
        sum(processor.counts.exported for processor in processors) - rejected.spans,
        sum(processor.counts.resent for processor in processors),
        sum(processor.counts.dropped + len(processor._lost) for processor in processors) + rejected.spans,  # noqa: SLF001
        sum(len(processor._queue) + processor._sending for processor in processors),  # noqa: SLF001
    )


os.register_at_fork(after_in_child=_after_fork)
