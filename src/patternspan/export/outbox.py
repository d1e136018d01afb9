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
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from patternspan.export.answers import rejected
from patternspan.export.batches import MOST_BYTES, MOST_HALVINGS, QUICK_SECONDS, Parcel, batched, send_in_parts, size_of
from patternspan.export.books import Books
from patternspan.export.ledger import Ledger
from patternspan.export.queue_limits import QueueLimits
from patternspan.model.vocabulary import RUN_ID
from patternspan.record import guard

Source = Callable[[Ledger], Iterator[Parcel]]
"""Gives the runs that a ledger owes, out of the log."""

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
        self.books = Books(self._ledger)
        self._queue: deque[ReadableSpan] = deque()
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
            self.books.open[span.context.span_id] = span.start_time or 0

    def on_end(self, span: ReadableSpan) -> None:
        """Put a span into the queue."""
        context = span.context
        if context.trace_flags & 1 and not self._is_stopped:
            self._put(span)
        if self.books.open:
            self.books.open.pop(context.span_id, None)  # last: until then nobody takes its run for settled

    def _put(self, span: ReadableSpan) -> None:
        queue = self._queue
        if len(queue) >= self._limits.queue:
            self.books.lose(span)
            return
        queue.append(span)
        if not self._is_running:
            self._start()
        elif len(queue) == self._limits.batch or len(queue) == self._limits.queue:
            self._call()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is queued, and say whether all of it was accepted."""
        end = time.monotonic() + timeout_millis / 1000
        dropped, failed = self.books.dropped, self._failed
        self._not_before = 0.0
        while self._is_busy() and time.monotonic() < end and self._failed == failed:
            self._start()
            self._call()
            time.sleep(0.002)
        return not self._is_busy() and self.books.dropped == dropped

    @property
    def waiting(self) -> int:
        """Spans that are queued, or with the exporter."""
        return len(self._queue) + self._sending

    def _is_busy(self) -> bool:
        return bool(self.waiting or self.books.lost)

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
            self.books.begin(ledger, span, self._process())
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
        self.books.note_lost()
        if time.monotonic() < self._not_before:
            return
        while self._queue and self._send():
            self.books.note_lost()
        if self._queue or self._failures or self._is_stopped:
            return
        if self._ledger is not None:
            if self._ledger.owes and self._source is not None:
                if time.monotonic() >= self._pay_at:
                    self._pay(self._ledger, self._source)
            elif self._ledger.is_large:
                self._renew()
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
                self.books.accept(batch)
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
                self.books.give_up(batch)
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
        return self.books.whole(taken)

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
        self.books.resent += len(spans)
        return True

    def _pay(self, ledger: Ledger, source: Source) -> None:
        """Send what is owed out of the log."""
        ledger.owes = False  # from here on; what is given up meanwhile is owed anew, and not among these
        is_paid, began, refused = False, time.monotonic(), 0
        try:
            for batch in batched(source(ledger), self._limits.batch):
                sent = send_in_parts(self._resend, batch, self.books.pay)
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

    def _renew(self) -> None:
        open_spans = dict(self.books.open)
        if not (self._queue or self.books.lost):  # looked at after the spans that are open: none is in neither
            self.books.renew(self._process(), open_spans)

    def _finish(self) -> None:
        """Send what there is until the deadline; leave the ledger where something is owed."""
        try:
            self.books.note_lost()
            while self._queue and time.monotonic() < self._deadline and self._send():
                self.books.note_lost()
            self.books.close(self._queue)
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
    books = [processor.books for processor in processors]
    return SpanTotals(
        sum(one.exported for one in books) - rejected.spans,
        sum(one.resent for one in books),
        sum(one.dropped + len(one.lost) for one in books) + rejected.spans,
        sum(processor.waiting for processor in processors),
    )


os.register_at_fork(after_in_child=_after_fork)
