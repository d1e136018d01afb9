"""How recording does in this process: what was written, what waits, what was lost, and why."""

from __future__ import annotations

import sys

import msgspec

from patternspan.export import line_log, sink
from patternspan.export.backlog import kept_logs, tally
from patternspan.record.redact_rules import redaction_counts


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the logs that this process writes."""

    written: int
    """Events that stand in the global log."""
    pending: int
    """Events that wait in memory, because the log cannot be written."""
    lost: int
    """Events that were given up: more than `pending_bytes` waited."""
    gaps: int
    """How often the log itself tells of events lost, in the member `gap` of a line."""
    copies_lost: int
    """Lines that jobs' own logs lack; the global log has them."""
    sync_failures: int
    """How often a sync in the background has failed."""
    redacted: dict[str, int]
    """How many secrets were withheld, by kind."""
    failing: bool
    """Whether a log could not be written when that was last tried."""
    last_error: str | None
    """Why a log could last not be written: the error's name and text."""
    spans_exported: int = 0
    """Spans that a collector has accepted, from the queue of `configure()`'s provider."""
    spans_resent: int = 0
    """Spans that it has accepted later, made again from the log."""
    spans_dropped: int = 0
    """Spans that were given up: the queue was full, or the collector refused them."""
    spans_queued: int = 0
    """Spans that are on their way."""


def health() -> Health:
    """Return how recording does in this process, since it began or was forked."""
    events, logs = sink.totals(), kept_logs()
    outbox = sys.modules.get("patternspan.export.outbox")  # not loaded, and nothing in it, where no span is sent
    spans = outbox.span_counts() if outbox is not None else (0, 0, 0, 0)
    return Health(
        written=events.written,
        pending=events.pending,
        lost=events.lost,
        gaps=tally.gaps,
        copies_lost=tally.copies_lost,
        sync_failures=line_log.sync_failures,
        redacted=redaction_counts(),
        failing=any(log.is_failing for log in logs),
        last_error=tally.last_error or None,
        spans_exported=spans[0],
        spans_resent=spans[1],
        spans_dropped=spans[2],
        spans_queued=spans[3],
    )
