"""Runs of every kind, valid or not, and what `fold` says of them: frames have to say the same."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

from logs import START_NS
from patternspan import PatternEvent
from patternspan.aggregate.facts import RunFacts, facts_of
from patternspan.aggregate.stats import Tally
from patternspan.frames import RUN_COLUMNS
from patternspan.model.fold import fold_in_order, in_order
from patternspan.model.ids import timestamp
from patternspan.model.vocabulary import EVENT_STATUSES, EVENT_TYPES, RESULTS

Choice = random.Random
_MEMBERS: dict[str, list[Any]] = {
    "synthetic": [True, False, "true", 1],
    "result": [*RESULTS, "unheard-of"],
    "operation_kind": ["scan", "test", "", 5],
    "metrics": [
        {"selection_ms": 12.5}, {"execution_ms": 7, "validation_ms": -3.25}, {"execution_ms": True, "other": 1},
        {"template_expansion_ms": "long"}, {"template_expansion_ms": 0.0005}, {"selection_ms": 1e300}, "none", [1],
    ],
}  # fmt: skip


def odd_event(chosen: Choice, run: str, number: int) -> PatternEvent:
    """Return an event of a run; many have the time of another."""
    details = {name: chosen.choice(values) for name, values in _MEMBERS.items() if chosen.random() < 0.3}
    return PatternEvent(
        event_id=f"EVT-{chosen.randrange(10**6):06}-{run}-{number}",
        event_type=chosen.choice([*EVENT_TYPES, "app.unheard-of"]),
        timestamp=timestamp(START_NS + chosen.choice([0, 1, 2, 3, 500, 12_345, 1_000_005, 86_400_000_000]) * 1000),
        job_id=chosen.choice(["JOB-A", "JOB-B"]),
        step_id=chosen.choice([None, None, "STEP-001", "STEP-002"]),
        pattern_run_id=run,
        pattern_id=chosen.choice(["PAT-A", "PAT-B", "PAT-C"]),
        status=chosen.choice([*EVENT_STATUSES, "in_progress", "pending", "odd"]),
        details=details,
    )


def odd_runs(seed: int, count: int) -> list[list[PatternEvent]]:
    """Return so many runs of one to ten events, in no order, some of them twice."""
    chosen = random.Random(seed)
    found = []
    for number in range(count):
        run = f"PRUN-{number:04}"
        events = [odd_event(chosen, run, at) for at in range(chosen.randint(1, 10))]
        events += [event for event in events if chosen.random() < 0.1]
        chosen.shuffle(events)
        found.append(events)
    return found


def facts(runs: list[list[PatternEvent]]) -> list[RunFacts]:
    """Return what is known of runs."""
    ordered = [in_order(events) for events in runs]
    return [facts_of(fold_in_order(events), events) for events in ordered]


def as_rows(found: list[RunFacts]) -> list[dict[str, Any]]:
    """Return facts as rows of the frame, by id."""
    rows = [{name: getattr(one, name) for name in RUN_COLUMNS} for one in found]
    return sorted(rows, key=lambda row: row["pattern_run_id"])


def statistics_of(found: list[RunFacts], by: str = "pattern_id") -> dict[str, dict[str, Any]]:
    """Return the statistics of facts, as rows of the frame, by their key."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for one in found:
        tallies[getattr(one, by)].add_run(one)
    return {key: near(as_row(tally)) for key, tally in tallies.items()}


def near(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the last bits of its numbers: a database sums in an order of its own."""
    return {name: float(f"{value:.12g}") if isinstance(value, float) else value for name, value in row.items()}


def as_row(tally: Tally) -> dict[str, Any]:
    """Return the statistics of a tally as the frame has them."""
    told = tally.statistics()
    row: dict[str, Any] = {"runs": told.runs, "open": told.open}
    row |= {result: told.results.get(result, 0) for result in RESULTS}
    row["other"] = sum(count for result, count in told.results.items() if result not in RESULTS)
    rate = told.rate
    row |= {"rate": None, "rate_low": None, "rate_high": None} if rate is None else {
        "rate": rate.success, "rate_low": rate.low, "rate_high": rate.high,
    }  # fmt: skip
    for phase in ("run", "selection", "template", "validation", "execution"):
        of_phase = told.durations.get(phase)
        row[f"{phase}_count"] = 0 if of_phase is None else of_phase.count
        for part in ("p50", "p95", "p99"):
            row[f"{phase}_{part}"] = None if of_phase is None else getattr(of_phase, part)
    return row
