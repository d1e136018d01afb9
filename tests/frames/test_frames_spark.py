"""The same frames over a session of Spark: one run of the suite with it, where PySpark and Java are installed."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from typing import Any

import narwhals as nw
import pytest
from odd_runs import as_rows, facts, near, odd_runs, statistics_of

from logs import lines
from patternspan import ConfigError, frames

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """A session in this machine, of as many threads as it has processors."""
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed: pip install --group spark")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("no Java here, which Spark needs")
    made = (
        sql.SparkSession.builder.master("local[*]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "America/New_York")
        .getOrCreate()
    )
    made.sparkContext.setLogLevel("OFF")
    yield made
    made.stop()


def rows(frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
    return [row.asDict() for row in frame.to_native().collect()]


def test_runs_and_statistics_are_those_of_fold(session: Any, tmp_path: Any) -> None:
    """The runs that DuckDB is tried with, out of a root with a compressed segment, and out of Parquet."""
    runs = odd_runs(1, 500)
    folder = tmp_path / "state" / "events"
    folder.mkdir(parents=True)
    (folder / "pattern_events.00000001.jsonl.gz").write_bytes(gzip.compress(b"".join(map(lines, runs[:200]))))
    (folder / "pattern_events.jsonl").write_bytes(b"".join(map(lines, runs[200:])) + b'{"event_id": "EVT-torn", "ev')
    found = facts(runs)
    frame = frames.runs(tmp_path / "state", session)
    assert sorted(rows(frame), key=lambda row: row["pattern_run_id"]) == as_rows(found)
    told = {row.pop("pattern_id"): near(row) for row in rows(frames.statistics(frame))}
    assert told == statistics_of(found)

    frames.events(tmp_path / "state").sink_parquet(tmp_path / "events.parquet")
    again = frames.runs(tmp_path / "events.parquet", session)
    assert sorted(rows(again), key=lambda row: row["pattern_run_id"]) == as_rows(found)


def test_lines_that_are_no_events_are_passed_over(session: Any, tmp_path: Any) -> None:
    """The same ones as over DuckDB, and the same of timestamps of every form."""
    log = tmp_path / "log.jsonl"
    good = {
        "event_id": "EVT-1", "event_type": "pattern.execution.started", "timestamp": "2025-11-26T07:15:12.123456Z",
        "job_id": "JOB-1", "step_id": None, "pattern_run_id": "PRUN-1", "pattern_id": "PAT-1", "status": "in_progress",
        "details": {"command": "x", "deep": {"list": [1, None, "é"]}},
    }  # fmt: skip
    import json

    changes = (
        {"details": "text"}, {"details": [1]}, {"details": None}, {"status": None}, {"timestamp": "yesterday"},
        {"timestamp": "2025-11-26T07:15:12"}, {"timestamp": "2025-02-30T00:00:00Z"}, {"timestamp": "infinity"},
        {"timestamp": "2025-11-26T24:00:00.000000Z"}, {"timestamp": "2025-11-26t07:15:12.123456789z"},
        {"timestamp": "2025-11-26 12:45:12.5+05:30"}, {"timestamp": "1969-12-31T23:59:59.1Z"}, {"weight": {"kg": 1}},
    )  # fmt: skip
    wrong = ["", "null", "5", "[1]", '{"level": "info"}', "not JSON", '{"event_id": "EVT-torn", "ev']
    made = [json.dumps(good | {"event_id": f"EVT-{at}"} | change) for at, change in enumerate(changes)]
    log.write_text("\n".join([*wrong, *made]))
    expected = frames.events(log).sort("event_id").collect("pyarrow").to_native().to_pylist()
    found = rows(frames.events(log, session).sort("event_id"))
    assert [row["event_id"] for row in found] == [row["event_id"] for row in expected]
    assert [json.loads(row["details"]) for row in found] == [json.loads(row["details"]) for row in expected]
    micros = "unix_micros(timestamp) AS time_us"
    times = frames.events(log, session).sort("event_id").to_native().selectExpr(micros).collect()
    assert [row.time_us for row in times] == [round(row["timestamp"].timestamp() * 1e6) for row in expected]


def test_zstd_is_said_to_be_beyond_it(session: Any, tmp_path: Any) -> None:
    """With what to do."""
    from backports import zstd

    folder = tmp_path / "state" / "events"
    folder.mkdir(parents=True)
    (folder / "pattern_events.00000001.jsonl.zst").write_bytes(zstd.compress(lines(odd_runs(1, 1)[0])))
    with pytest.raises(ConfigError, match=r"jsonl.zst: Spark reads no zstd; patternspan export --format parquet"):
        frames.runs(tmp_path / "state", session)


def test_nothing_recorded_is_an_empty_frame(session: Any, tmp_path: Any) -> None:
    """Of a root without a log."""
    assert rows(frames.runs(tmp_path, session)) == []
