"""Runs and statistics as frames over DuckDB: what `fold` and the statistics of the command line say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import narwhals as nw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_runs import as_row, as_rows, facts, near, odd_runs, statistics_of

from logs import START_NS, good_run, lines
from patternspan import ConfigError, frames
from patternspan.aggregate.stats import Tally
from patternspan.frames import RUN_COLUMNS

NS = 10**9


def rows(frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
    return frame.collect("pyarrow").to_native().to_pylist()


def by_key(frame: nw.LazyFrame[Any], by: str = "pattern_id") -> dict[str, dict[str, Any]]:
    return {row.pop(by): near(row) for row in rows(frame)}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12))
def test_runs_and_statistics_are_those_of_fold(tmp_path_factory, seed, count):
    """Whatever the events are and in which order they stand: phases that repeat, ends that came late, ties."""
    runs = odd_runs(seed, count)
    log = tmp_path_factory.mktemp("log") / "log.jsonl"
    log.write_bytes(b"".join(map(lines, runs)))
    found = facts(runs)
    frame = frames.runs(log)
    assert tuple(frame.collect_schema()) == RUN_COLUMNS
    assert rows(frame.sort("pattern_run_id")) == as_rows(found)
    assert by_key(frames.statistics(frame)) == statistics_of(found)


@pytest.mark.parametrize("by", ["pattern_id", "job_id", "step_id", "operation_kind"])
def test_statistics_are_by_what_is_asked(tmp_path, by):
    """A row for each value, null where a run has none."""
    runs = odd_runs(7, 200)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(map(lines, runs)))
    found = frames.statistics(frames.runs(log), by)
    assert by_key(found, by) == statistics_of(facts(runs), by)


@pytest.mark.parametrize(
    "microseconds",
    [
        0,
        1,
        999,
        1000,
        1004,
        1005,
        9994,
        9995,
        9999,
        10_049,
        10_050,
        99_949,
        999_499,
        999_500,
        10**12 - 1,
        10**12,
        3 * 10**15 + 1,
    ],
)
def test_durations_have_three_significant_digits(tmp_path, microseconds):
    """At powers of ten too."""
    tally = Tally()
    durations = (microseconds, None, None, None, None)
    tally.add("success", durations)
    connection = duckdb.connect()
    values = [f"CAST({'NULL' if value is None else value} AS BIGINT) AS {name}_us" for name, value in
              zip(("run", "selection", "template", "validation", "execution"), durations, strict=True)]  # fmt: skip
    native = connection.sql(f"SELECT 'PAT-A' AS pattern_id, 'success' AS result, 0 AS started_us, {', '.join(values)}")
    assert by_key(frames.statistics(nw.from_native(native))) == {"PAT-A": near(as_row(tally))}


def test_a_window_is_told_with_the_one_before_it(tmp_path):
    """As long as itself, and right before; a pattern that has runs in one of the two alone is there too."""
    # Run n starts n hours after the start; a window of runs 4 to 7, and the one before of runs 1 to 3.
    made = [good_run(number, START_NS + number * 3600 * NS) for number in range(9)]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(map(lines, made)))
    begin = datetime.fromtimestamp(START_NS / NS, UTC)
    since, until = begin + timedelta(hours=4), begin + timedelta(hours=7.5)
    told = by_key(frames.statistics(frames.runs(log), since=since, until=until))
    found = facts(made)
    at = {one.pattern_run_id: round((one.started_us - found[0].started_us) / 3.6e9) for one in found}
    now = statistics_of([one for one in found if 4 <= at[one.pattern_run_id] <= 7])
    before = statistics_of([one for one in found if 1 <= at[one.pattern_run_id] < 4])
    assert told.keys() == now.keys() | before.keys()
    empty = as_row(Tally())
    for key, row in told.items():
        of_now, of_before = now.get(key, empty), before.get(key, empty)
        expected = of_now | {f"{name}_before": of_before[name] for name in ("runs", "rate", "run_p50")}
        assert row == near(expected)
    until_alone = by_key(frames.statistics(frames.runs(log), until=begin + timedelta(hours=4.5)))
    assert until_alone == statistics_of([one for one in found if at[one.pattern_run_id] <= 4])


def test_wrong_windows_are_said(tmp_path):
    """With what was given."""
    runs = frames.runs(tmp_path)
    with pytest.raises(ConfigError, match="since: a time with a zone is wanted, found 2026-01-01T00:00:00"):
        frames.statistics(runs, since=datetime(2026, 1, 1))  # noqa: DTZ001
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ConfigError, match="until: a time after since is wanted"):
        frames.statistics(runs, since=moment, until=moment)


def test_runs_come_out_of_parquet_and_of_nothing(tmp_path):
    """The same as out of the log, where the whole of it was exported."""
    runs = odd_runs(3, 40)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(map(lines, runs)))
    frames.events(log).sink_parquet(tmp_path / "events.parquet")
    assert rows(frames.runs(tmp_path / "events.parquet").sort("pattern_run_id")) == as_rows(facts(runs))
    (tmp_path / "empty").mkdir()
    nothing = frames.runs(tmp_path / "empty")
    assert rows(nothing) == rows(frames.statistics(nothing)) == []


def test_a_frame_is_filtered_like_any_other(tmp_path):
    """Before statistics are made."""
    runs = odd_runs(11, 100)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(map(lines, runs)))
    some = frames.runs(log).filter(nw.col("job_id") == "JOB-A")
    expected = statistics_of([one for one in facts(runs) if one.job_id == "JOB-A"])
    assert by_key(frames.statistics(some)) == expected
