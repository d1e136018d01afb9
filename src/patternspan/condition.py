"""How recording does in this process: what was written, what waits, what was lost, and why."""

from __future__ import annotations

import msgspec

from patternspan.export import sink
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


def health() -> Health:
    """Return how recording does in this process, since it began or was forked."""
    events, logs = sink.totals(), kept_logs()
    return Health(
        written=events.written,
        pending=events.pending,
        lost=events.lost,
        gaps=tally.gaps,
        copies_lost=tally.copies_lost,
        sync_failures=sink.sync_failures,
        redacted=redaction_counts(),
        failing=any(log.is_failing for log in logs),
        last_error=tally.last_error or None,
    )
