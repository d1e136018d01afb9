"""Statistics of a log without a store, as ratios to what DuckDB does by hand, and folding as a ratio to decoding.

    python benchmarks/frames.py [--events 1000000] [--rounds 5] [--fold-events 100000] [--json]

Arms of one process, by turns; the figures are medians, with time by the clock, since DuckDB uses all processors.

*frames* is `frames.statistics(frames.runs(log))`. *plain SQL* is what one would write by hand who knows that the log
has nothing odd in it: each phase once in a run, no end by another process, no given figures, every line an event.
*reading* counts the lines, with the columns given. *fold* decodes lines as events and folds their runs, in Python;
*decode* decodes the same lines with msgspec into the same class alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import groupby, islice
from pathlib import Path

import duckdb
import msgspec

from make_log import write_log
from patternspan import PatternEvent, frames
from patternspan.model.fold import fold
from patternspan.model.ids import instant
from patternspan.model.wire import decode

NAMES = ("event_type", "timestamp", "pattern_run_id", "pattern_id", "status", "details")
KINDS = ", ".join(f"{name}: '{'TIMESTAMPTZ' if name == 'timestamp' else 'VARCHAR'}'" for name in NAMES)
LINES = f"read_json(?, columns={{{KINDS}}}, format='newline_delimited')"
READING = f"SELECT count(*), max(pattern_run_id), max(timestamp) FROM {LINES}"
END_NS = instant("2026-01-01T00:00:00Z")
PHASES = ("selection", "validation", "execution")
RESULTS = ("success", "failure", "error", "timeout", "cancellation", "skip")


def plain_sql() -> str:
    """Return the statistics as one writes them by hand."""
    times = ", ".join(
        f"max(t) FILTER (event_type IN ('pattern.{p}.completed', 'pattern.{p}.resolved', 'pattern.{p}.failed')) "
        f"- min(t) FILTER (event_type = 'pattern.{p}.started') AS {p}"
        for p in PHASES
    )
    counts = ", ".join(f"count(*) FILTER (result = '{result}')" for result in RESULTS)
    quantiles = ", ".join(f"count({p}), quantile_disc({p}, [0.5, 0.95, 0.99])" for p in ("run", *PHASES))
    return f"""
        WITH e AS (
            SELECT pattern_run_id, pattern_id, event_type, status, epoch_us(timestamp) AS t,
                CASE WHEN event_type IN ('pattern.execution.completed', 'pattern.execution.failed',
                    'pattern.validation.failed', 'pattern.selection.failed') OR status = 'skipped' THEN
                    coalesce(json_extract_string(details, '$.result'), CASE status WHEN 'failed' THEN 'failure'
                        WHEN 'skipped' THEN 'skip' ELSE 'success' END) END AS result
            FROM {LINES}
        ), r AS (
            SELECT pattern_run_id, any_value(pattern_id) AS pattern_id, any_value(result) AS result,
                max(t) FILTER (result IS NOT NULL) - min(t) AS run, {times}
            FROM e GROUP BY pattern_run_id
        )
        SELECT pattern_id, count(*), {counts}, {quantiles} FROM r GROUP BY pattern_id
    """


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def folded(lines: list[bytes]) -> int:
    """Decode, put runs together and fold each."""
    events = map(decode, lines)
    return sum(len(fold(run).events) for _, run in groupby(events, key=lambda event: event.pattern_run_id))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fold-events", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        with log.open("wb") as made:
            write_log(made, given.events, 1, END_NS)
        with log.open("rb") as file:
            lines = list(islice(file, given.fold_events))
        sql = plain_sql()
        connection = duckdb.connect()
        bare = msgspec.json.Decoder(PatternEvent).decode
        arms: dict[str, Callable[[], object]] = {
            "frames": lambda: frames.statistics(frames.runs(log)).collect("pyarrow"),
            "plain SQL": lambda: connection.execute(sql, [str(log)]).fetchall(),
            "reading": lambda: connection.execute(READING, [str(log)]).fetchall(),
            "fold": lambda: folded(lines),
            "decode": lambda: [bare(line) for line in lines],
        }
        taken: dict[str, list[float]] = {name: [] for name in arms}
        for _ in range(given.rounds):
            for name, work in arms.items():
                taken[name].append(seconds(work))
    ratios = {
        f"{over} / {under}": statistics.median(a / b for a, b in zip(taken[over], taken[under], strict=True))
        for over, under in (
            ("frames", "plain SQL"),
            ("frames", "reading"),
            ("plain SQL", "reading"),
            ("fold", "decode"),
        )
    }
    if given.json:
        print(json.dumps(ratios))
        return
    for name, times in taken.items():
        print(f"{name:20} {statistics.median(times):8.3f} s")
    for name, ratio in ratios.items():
        print(f"{name:20} {ratio:8.2f}")


if __name__ == "__main__":
    main()
