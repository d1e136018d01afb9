"""Statistics of runs as one expression for every engine: what `patternspan.aggregate.stats` says of the same runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal

import narwhals as nw

from patternspan.aggregate.facts import PHASES
from patternspan.aggregate.stats import PERCENTILES, Z
from patternspan.errors import ConfigError
from patternspan.model.vocabulary import RESULTS

Frame = nw.LazyFrame[Any]
col, lit, when = nw.col, nw.lit, nw.when

_NOW: Final = "is_now"
_BEFORE: Final = ("runs", "rate", "run_p50")
"""What is told of the window before, too."""


def statistics(
    runs: Frame,
    by: Literal["pattern_id", "job_id", "step_id", "operation_kind"] = "pattern_id",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Frame:
    """Return the statistics of runs, a row for each value of `by`, in no order.

        by                                  the column's own name
        runs, open                          how many there are, and those of them without an end
        success … skip                      by result, a column for each `pattern.run.result`; `other` are other texts
        rate, rate_low, rate_high           successes among ended runs not skipped, and Wilson's interval of 95 %
        run_count, run_p50, _p95, _p99      how many have a duration, and nearest-rank percentiles in seconds, to three
        selection_count … execution_p99     significant digits; the same of each phase
        runs_before, rate_before, run_p50_before    of as much time before `since`, where that is given

    What there is none of is null. `since` and `until` are about when runs started; `until` is now unless said. Raises
    ConfigError where a time has no zone or `until` is not after `since`.
    """
    if since is None:
        wanted = runs if until is None else runs.filter(col("started_us") <= _microseconds(until, "until"))
        return _rated(_grouped(wanted, (by,))).select(by, *_columns())
    first = _microseconds(since, "since")
    last = _microseconds(datetime.now(UTC) if until is None else until, "until")
    if last <= first:
        raise ConfigError(f"until: a time after since is wanted, found {until} and {since}")
    started = col("started_us")
    windows = runs.filter((started >= first - (last - first)) & (started <= last)).with_columns(
        (started >= first).alias(_NOW)
    )
    found = _rated(_grouped(windows, (by, _NOW)))
    both = found.group_by(by).agg(
        *(when(col(_NOW)).then(col(name)).max().alias(name) for name in _columns()),
        *(when(~col(_NOW)).then(col(name)).max().alias(f"{name}_before") for name in _BEFORE),
    )
    # A window without any run has counted nothing, which is 0 and not unknown.
    return both.with_columns(*(col(name).fill_null(0) for name in (*_counts(), "runs_before")))


def _counts() -> list[str]:
    return ["runs", "open", *RESULTS, "other", *(f"{phase}_count" for phase in PHASES)]


def _columns() -> list[str]:
    phases = [f"{phase}_{part}" for phase in PHASES for part in ("count", *(f"p{percent}" for percent in PERCENTILES))]
    return ["runs", "open", *RESULTS, "other", "rate", "rate_low", "rate_high", *phases]


def _grouped(runs: Frame, by: tuple[str, ...]) -> Frame:
    """Count, and take percentiles: of so many percent, the smallest value whose rank makes up so many of all."""
    rounded = runs.select(*by, "result", *(_seconds(col(f"{phase}_us")).alias(phase) for phase in PHASES))
    ranked = rounded.with_columns(
        *(col(phase).rank("ordinal").over(*by).alias(f"{phase}_rank") for phase in PHASES),
        *(col(phase).count().over(*by).alias(f"{phase}_all") for phase in PHASES),
    )
    result = col("result")

    def how_many(condition: nw.Expr) -> nw.Expr:
        return when(condition).then(lit(1)).count()

    found: dict[str, nw.Expr] = {
        "runs": nw.len(),
        "open": how_many(result.is_null()),
        "other": how_many(~result.is_null() & ~result.is_in(RESULTS)),
    }
    for one in RESULTS:
        found[one] = how_many(result == one)
    for phase in PHASES:
        found[f"{phase}_count"] = col(phase).count()
        for percent in PERCENTILES:
            is_there = col(f"{phase}_rank") * 100 >= col(f"{phase}_all") * percent
            found[f"{phase}_p{percent}"] = when(is_there).then(col(phase)).min()
    return ranked.group_by(*by).agg(*(expression.alias(name) for name, expression in found.items()))


def _rated(counted: Frame) -> Frame:
    judged = (col("runs") - col("open") - col("skip")).cast(nw.Float64())
    successes = col("success").cast(nw.Float64())
    total = when(judged > 0).then(judged)  # null where nothing is judged, and so is all that follows
    rate = successes / total
    middle = rate + Z * Z / (2 * total)
    half = Z * (rate * (1 - rate) / total + Z * Z / (4 * total * total)).sqrt()
    scale = 1 + Z * Z / total
    return counted.with_columns(
        rate=rate,
        rate_low=when(successes > 0).then((middle - half) / scale).otherwise(when(judged > 0).then(lit(0.0))),
        rate_high=when(successes < total).then((middle + half) / scale).otherwise(when(judged > 0).then(lit(1.0))),
    )


def _seconds(microseconds: nw.Expr) -> nw.Expr:
    """Return seconds to three significant digits; half is rounded up. Order stays, so percentiles may follow.

    A logarithm that is off by its last bit matters next to powers of ten alone, which every unit rounds to themselves.
    """
    value = microseconds.cast(nw.Float64())
    unit = when(value < 1000).then(lit(1.0)).otherwise(10.0 ** (value.clip(1000).log(10).floor() - 2))
    return ((value + unit / 2) / unit).floor() * unit / 1e6


def _microseconds(moment: datetime, name: str) -> int:
    if moment.tzinfo is None:
        raise ConfigError(f"{name}: a time with a zone is wanted, found {moment.isoformat()}")
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)
