"""Statistics of many runs: counts by result, success rates, percentiles of durations.

A percentile is that of the nearest rank (the smallest value that so many percent do not exceed), to three significant
digits. Rounding keeps order, so counting rounded values gives exactly the rounded percentile: a `Tally` needs no more
than a count for each of them, two tallies add up to that of all their runs, and a run can be taken out again.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

import msgspec

from patternspan.aggregate.facts import PHASES, RunFacts

Z: Final = 1.959963984540054
"""The 97.5th percentile of the normal distribution, for an interval of 95 %."""
PERCENTILES: Final = (50, 95, 99)
_SKIP: Final = "skip"
_SUCCESS: Final = "success"


class Percentiles(msgspec.Struct, frozen=True):
    """Of one kind of duration: how many there are, and three percentiles in seconds, to three significant digits."""

    count: int
    p50: float
    p95: float
    p99: float


class Rate(msgspec.Struct, frozen=True):
    """How many of the runs that ended, and were not skipped, succeeded; with Wilson's interval of 95 %."""

    success: float
    low: float
    high: float


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Of all runs of a pattern, a job or whatever they are grouped by."""

    runs: int
    open: int
    """Without an end."""
    results: dict[str, int]
    """Of those that have one, by `pattern.run.result`, in alphabetical order."""
    rate: Rate | None
    """None where no run has ended that was not skipped."""
    durations: dict[str, Percentiles]
    """By `run`, `selection`, `template`, `validation`, `execution`; a phase that no run had is left out."""


class Tally(msgspec.Struct):
    """Counts that statistics are made of."""

    open: int = 0
    results: dict[str, int] = {}
    durations: tuple[dict[int, int], ...] = msgspec.field(default_factory=lambda: tuple({} for _ in PHASES))
    """For each of `PHASES` how many runs had a duration, by `rounded` microseconds."""

    def add(self, result: str | None, durations: tuple[int | None, ...], times: int = 1) -> None:
        """Count a run, or take it out again with `times=-1`."""
        if result is None:
            self.open += times
        else:
            _count(self.results, result, times)
        for counts, microseconds in zip(self.durations, durations, strict=True):
            if microseconds is not None:
                _count(counts, rounded(microseconds), times)

    def add_run(self, facts: RunFacts) -> None:
        """Count a run."""
        self.add(facts.result, facts.durations())

    def merge(self, other: Tally) -> None:
        """Count all that another tally has counted."""
        self.open += other.open
        for result, count in other.results.items():
            _count(self.results, result, count)
        for mine, theirs in zip(self.durations, other.durations, strict=True):
            for microseconds, count in theirs.items():
                mine[microseconds] = mine.get(microseconds, 0) + count

    def is_empty(self) -> bool:
        """Say whether no run is left in it."""
        return not self.open and not self.results

    def statistics(self) -> Statistics:
        """Return what the counts say."""
        ended = sum(self.results.values())
        judged = ended - self.results.get(_SKIP, 0)
        found = [(phase, _of(counts)) for phase, counts in zip(PHASES, self.durations, strict=True)]
        return Statistics(
            runs=ended + self.open,
            open=self.open,
            results=dict(sorted(self.results.items())),
            rate=wilson(self.results.get(_SUCCESS, 0), judged) if judged else None,
            durations={phase: percentiles for phase, percentiles in found if percentiles is not None},
        )


def _count(counts: dict, key: str | int, times: int) -> None:  # type: ignore[type-arg]
    left = counts.get(key, 0) + times
    if left:
        counts[key] = left
    else:
        del counts[key]


def rounded(microseconds: int) -> int:
    """Return whole microseconds to three significant digits; half is rounded up."""
    if microseconds < 1000:
        return microseconds
    unit: int = 10 ** (len(str(microseconds)) - 3)
    return (microseconds + unit // 2) // unit * unit


def wilson(successes: int, total: int) -> Rate:
    """Return the rate and the score interval of Wilson (1927, doi:10.1080/01621459.1927.10502953); total is above 0."""
    rate = successes / total
    middle = rate + Z * Z / (2 * total)
    half = Z * sqrt(rate * (1 - rate) / total + Z * Z / (4 * total * total))
    scale = 1 + Z * Z / total
    low = 0.0 if successes == 0 else (middle - half) / scale
    high = 1.0 if successes == total else (middle + half) / scale
    return Rate(rate, low, high)


def rank(percent: int, count: int) -> int:
    """Return which of so many values in order, counted from 1, is that percentile."""
    return max(1, -(-percent * count // 100))


def _of(counts: dict[int, int]) -> Percentiles | None:
    count = sum(counts.values())
    if not count:
        return None
    wanted = [rank(percent, count) for percent in PERCENTILES]
    found: list[float] = []
    passed = 0
    for microseconds in sorted(counts):
        passed += counts[microseconds]
        while len(found) < len(wanted) and passed >= wanted[len(found)]:
            found.append(microseconds / 1e6)
    return Percentiles(count, *found)
