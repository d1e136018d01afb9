"""Which runs are asked for: one value, of the same meaning for a log, a store, the command line and HTTP."""

from __future__ import annotations

from typing import Final

import msgspec

from patternspan.aggregate.facts import RunFacts

OPEN: Final = frozenset(("in_progress", "pending", "running", "abandoned"))
"""Statuses of a run without an end. Which of the last two it is, its process and its timeout tell, not its events."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has to be: of each member any of its values will do, and an empty one is not asked about.

    Times are whole microseconds since the Unix epoch, and are about when a run started.
    """

    run_ids: frozenset[str] = frozenset()
    job_ids: frozenset[str] = frozenset()
    step_ids: frozenset[str] = frozenset()
    pattern_ids: frozenset[str] = frozenset()
    operation_kinds: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    """Stored ones, and `running` or `abandoned`, which both stand for every run without an end here."""
    results: frozenset[str] = frozenset()
    since_us: int | None = None
    until_us: int | None = None
    """Not after."""
    text: str = ""
    """Stands in the command or the error, in any case."""
    longer_than_us: int | None = None
    """Of runs that have ended."""
    has_artifact: bool | None = None

    def matches(self, facts: RunFacts) -> bool:
        """Say whether this run is asked for."""
        return (
            (not self.run_ids or facts.pattern_run_id in self.run_ids)
            and (not self.job_ids or facts.job_id in self.job_ids)
            and (not self.step_ids or facts.step_id in self.step_ids)
            and (not self.pattern_ids or facts.pattern_id in self.pattern_ids)
            and (not self.operation_kinds or facts.operation_kind in self.operation_kinds)
            and (not self.statuses or facts.status in self.stored_statuses())
            and (not self.results or facts.result in self.results)
            and (self.since_us is None or facts.started_us >= self.since_us)
            and (self.until_us is None or facts.started_us <= self.until_us)
            and (not self.text or self.text.casefold() in facts.text)
            and (self.longer_than_us is None or (facts.run_us is not None and facts.run_us > self.longer_than_us))
            and (self.has_artifact is None or (facts.artifacts > 0) is self.has_artifact)
        )

    def stored_statuses(self) -> frozenset[str]:
        """Return the statuses as they are stored."""
        return self.statuses - OPEN | {"in_progress", "pending"} if self.statuses & OPEN else self.statuses

    def is_narrow(self) -> bool:
        """Say whether anything besides pattern and time is asked."""
        return self != Filter(pattern_ids=self.pattern_ids, since_us=self.since_us, until_us=self.until_us)


EVERY_RUN: Final = Filter()
