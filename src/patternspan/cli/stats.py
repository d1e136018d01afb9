"""`patternspan stats`: how often patterns succeed, and how long they take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from patternspan.aggregate.facts import PHASES, facts_of
from patternspan.aggregate.plain import duration, visible_in
from patternspan.aggregate.stats import Statistics, Tally
from patternspan.cli.group import exit_for_unread
from patternspan.cli.options import logs, run_filter, run_filters, settings, shared
from patternspan.cli.runs import gather
from patternspan.cli.screen import Screen
from patternspan.cli.state_store import state_store
from patternspan.cli.table import Cell, write_table
from patternspan.model.vocabulary import RUN_STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patternspan.aggregate.filter import Filter
    from patternspan.store import Store

_BY: Final = {"pattern": "pattern_id", "job": "job_id"}
_NONE: Final = Tally().statistics()


@click.command()
@run_filters(RUN_STATUSES)
@click.option("--by", type=click.Choice(list(_BY)), default="pattern", help="A line for each.  [default: pattern]")
@click.option("--phases", is_flag=True, help="The durations of each phase.")
@click.option("--json", "as_json", is_flag=True, help="One pattern or job a line, as a JSON object.")
@shared()
def stats(files: tuple[str, ...], by: str, phases: bool, as_json: bool, **wanted: Any) -> None:
    """Show how often patterns succeed, and how long they take.

    SUCCESS is of the runs that ended and were not skipped; the true rate lies, with 95 %, in the interval behind it
    (Wilson). P50, P95 and P99 are durations that so many of a hundred runs stay within. With --since, BEFORE is the
    same for a time of the same length before.
    """
    asked = run_filter(**wanted)
    earlier = _before(asked, time.time_ns() // 1000)
    with Screen(settings().color) as screen, state_store(files, screen) as store:
        if store is None:
            now, then = _from_log(logs(files), screen, asked, earlier, _BY[by])
        else:
            now, then = _from_store(store, asked, earlier, _BY[by])
        keys = sorted({*now, *then})
        if as_json:
            for key in keys:
                screen.raw(_json(_BY[by], key, now.get(key, _NONE), then.get(key, _NONE) if earlier else None))
        elif phases:
            _write_phases(screen, by, now)
        else:
            _write(screen, by, keys, now, then if earlier else None)
    exit_for_unread(files, screen.unread)


def _before(asked: Filter, now_us: int) -> Filter | None:
    """Return the filter for the window before, of the same length; None where no beginning is asked for."""
    if asked.since_us is None:
        return None
    length = (now_us if asked.until_us is None else asked.until_us) - asked.since_us
    return msgspec.structs.replace(asked, since_us=asked.since_us - max(0, length), until_us=asked.since_us - 1)


def _from_store(
    store: Store, asked: Filter, earlier: Filter | None, by: str
) -> tuple[dict[str, Statistics], dict[str, Statistics]]:
    return store.statistics(asked, by), {} if earlier is None else store.statistics(earlier, by)


def _from_log(
    paths: Sequence[str], screen: Screen, asked: Filter, earlier: Filter | None, by: str
) -> tuple[dict[str, Statistics], dict[str, Statistics]]:
    whole = asked if earlier is None else msgspec.structs.replace(asked, since_us=earlier.since_us)
    now: dict[str, Tally] = {}
    then: dict[str, Tally] = {}
    for facts in gather(paths, whole, screen, facts_of):
        key = getattr(facts, by)
        if asked.matches(facts):
            now.setdefault(key, Tally()).add_run(facts)
        elif earlier is not None and earlier.matches(facts):
            then.setdefault(key, Tally()).add_run(facts)
    return _statistics(now), _statistics(then)


def _statistics(tallies: dict[str, Tally]) -> dict[str, Statistics]:
    return {key: tally.statistics() for key, tally in tallies.items()}


def _json(member: str, key: str, now: Statistics, before: Statistics | None) -> bytes:
    line: dict[str, Any] = {member: key, **msgspec.structs.asdict(now)}
    if before is not None:
        line["before"] = before
    return msgspec.json.encode(line)


def _write(
    screen: Screen, by: str, keys: Sequence[str], now: dict[str, Statistics], then: dict[str, Statistics] | None
) -> None:
    head = [by.upper(), "RUNS", "SUCCESS", "95 %", "P50", "P95", "P99"]
    if then is not None:
        head.append("BEFORE")
    head.append("NOT SUCCESS")
    table = []
    for key in keys:
        one = now.get(key, _NONE)
        whole = one.durations.get("run")
        row = [
            Cell(visible_in(key, 32), "strong"),
            Cell(f"{one.runs:,}", right=True),
            Cell(_percent(one), _style(one), right=True),
            Cell(_interval(one), "dim", right=True),
            *(Cell("" if whole is None else duration(seconds), right=True) for seconds in _three(one, "run")),
        ]
        if then is not None:
            row.append(Cell(_short(then.get(key, _NONE)), "dim"))
        row.append(Cell(_others(one)))
        table.append(row)
    write_table(screen, head, table)


def _write_phases(screen: Screen, by: str, found: dict[str, Statistics]) -> None:
    table = [
        [
            Cell(visible_in(key, 32), "strong"),
            Cell(phase),
            Cell(f"{found[key].durations[phase].count:,}", right=True),
            *(Cell(duration(seconds), right=True) for seconds in _three(found[key], phase)),
        ]
        for key in sorted(found)
        for phase in PHASES
        if phase in found[key].durations
    ]
    write_table(screen, [by.upper(), "PHASE", "RUNS", "P50", "P95", "P99"], table)


def _three(one: Statistics, phase: str) -> tuple[float, float, float]:
    found = one.durations.get(phase)
    return (0.0, 0.0, 0.0) if found is None else (found.p50, found.p95, found.p99)


def _percent(one: Statistics) -> str:
    return "" if one.rate is None else f"{_rounded(one.rate.success)} %"


def _interval(one: Statistics) -> str:
    return "" if one.rate is None else f"{_rounded(one.rate.low)}–{_rounded(one.rate.high)}"  # noqa: RUF001


def _rounded(rate: float) -> str:
    """Return a share in per cent; one that is not all is never shown as all, nor one that is not nothing as nothing."""
    if 0.99 < rate < 1 or 0 < rate < 0.01:
        return f"{min(99.9, max(0.1, rate * 100)):.1f}"
    return f"{rate * 100:.0f}"


def _style(one: Statistics) -> str:
    if one.rate is None:
        return ""
    return "success" if one.rate.success == 1 else "failed" if one.rate.success == 0 else "warning"


def _short(one: Statistics) -> str:
    if not one.runs:
        return "no runs"
    known = one.durations.get("run")
    parts = [f"{one.runs:,}", _percent(one), "" if known is None else duration(known.p50)]
    return " · ".join(part for part in parts if part)


def _others(one: Statistics) -> str:
    found = {result: count for result, count in one.results.items() if result != "success"}
    if one.open:
        found["open"] = one.open
    return ", ".join(f"{visible_in(result, 20)} {count:,}" for result, count in found.items())
