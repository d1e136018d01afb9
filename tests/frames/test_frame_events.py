"""Events as frames: what the reader of the log reads, out of every form that a log has, and out of Parquet."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import duckdb
import narwhals as nw
import pytest
from backports import zstd

from logs import START_NS, good_run, lines
from patternspan import ConfigError, frames, read_events
from patternspan.model.ids import instant

SOME = [good_run(number, START_NS + number * 10**9) for number in range(3)]


def rows(frame):
    """Return the rows of a frame, in order."""
    found = frame.sort("timestamp", "event_id").collect("pyarrow").to_native().to_pylist()
    return [{**row, "details": json.loads(row["details"])} for row in found]


def as_row(event):
    """Return the row that an event is."""
    members = event.to_dict()
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant(event.timestamp) // 1000)
    return {name: members.get(name) for name in frames.EVENT_COLUMNS} | {"timestamp": at}


def table(events):
    """Return the rows of events, in order."""
    return [as_row(event) for event in sorted(events, key=lambda one: (instant(one.timestamp), one.event_id))]


def events_folder(tmp_path, name="state"):
    folder = tmp_path / name / "events"
    folder.mkdir(parents=True)
    return folder


def test_all_parts_of_a_log_are_one_frame(tmp_path):
    """Live, rotated by us or by others, plain or compressed: one root."""
    folder = events_folder(tmp_path)
    (folder / "pattern_events.00000001.jsonl.gz").write_bytes(gzip.compress(lines(SOME[0][:3])))
    (folder / "pattern_events.00000002.jsonl.zst").write_bytes(zstd.compress(lines(SOME[0][3:])))
    (folder / "pattern_events.jsonl.1").write_bytes(lines(SOME[1]))
    (folder / "pattern_events.jsonl").write_bytes(lines(SOME[2]))
    for source in (tmp_path / "state", folder, [str(path) for path in folder.iterdir()]):
        found = frames.events(source)
        assert tuple(found.collect_schema()) == frames.EVENT_COLUMNS
        assert rows(found) == table(event for run in SOME for event in run)


def test_parquet_gives_the_same_events(tmp_path):
    """A file or a folder, beside logs too, with further columns and without those that may be null."""
    log, more = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    log.write_bytes(lines(SOME[0]))
    more.write_bytes(lines(SOME[1]))
    expected = table(SOME[0] + SOME[1])
    events = frames.events(log).drop("trace_id", "span_id").with_columns(host=nw.lit("here"))
    events.sink_parquet(tmp_path / "a.parquet")
    frames.events(more).sink_parquet(tmp_path / "b.parquet")
    assert rows(frames.events([tmp_path / "a.parquet", more])) == expected
    assert rows(frames.events(tmp_path / "*.parquet")) == expected
    (tmp_path / "day.parquet").mkdir()
    for name in "ab":
        (tmp_path / f"{name}.parquet").rename(tmp_path / "day.parquet" / f"{name}.parquet")
    assert rows(frames.events(tmp_path / "day.parquet")) == expected


def test_lines_that_are_no_events_are_passed_over(tmp_path):
    """Those that the reader passes over; a torn tail and members of a later version change nothing else."""
    first = SOME[0][0].to_dict()
    wrong = [
        "", "  ", "null", "5", '"text"', "[1, 2]",
        '{"level": "info"}', "\0\0\0", "not JSON", '{"event_id": "EVT-torn", "ev',
        *(
            json.dumps(first | {"event_id": "EVT-other"} | change)
            for change in (
                {"details": "text"}, {"details": [1]}, {"details": None}, {"status": None}, {"timestamp": "yesterday"},
                {"timestamp": "2025-11-26T07:15:12"}, {"timestamp": "2025-02-30T00:00:00Z"}, {"timestamp": "infinity"},
                {"timestamp": "2025-11-26T24:00:00.000000Z"}, {"timestamp": "2025-11-26T07:15:60Z"},
            )
        ),
    ]  # fmt: skip
    later = first | {"event_id": "EVT-later", "event_type": "pattern.of.the.future", "weight": {"kg": [1, 2.5]}}
    odd = [
        first | {"event_id": f"EVT-{at}", "timestamp": text}
        for at, text in enumerate(
            ["2025-11-26t07:15:12.123456789z", "2025-11-26 12:45:12.5+05:30", "1969-12-31T23:59:59.1Z"]
        )
    ]
    left_out = {name: value for name, value in first.items() if name != "step_id"} | {"event_id": "EVT-short"}
    log = tmp_path / "log.jsonl"
    good = [json.dumps(members) for members in (later, *odd, left_out)]
    log.write_text("\n".join([*wrong, *good, good[0][:100]]))
    with log.open("ab") as file:
        file.write(b"\n\xff\xfe{}\n" + lines(SOME[1]) + lines(SOME[1])[:250])

    read = list(read_events(log))
    assert len(read) == 5 + len(SOME[1])
    assert rows(frames.events(log)) == table(read)


def test_a_name_is_no_pattern_where_it_is_one_of_a_log(tmp_path):
    """Brackets and stars in a path are themselves."""
    for number, name in enumerate(["st[1]*", "st1x"]):
        (events_folder(tmp_path, name) / "pattern_events.jsonl").write_bytes(lines(SOME[number]))
    assert rows(frames.events(tmp_path / "st[1]*")) == table(SOME[0])


def test_nothing_recorded_is_an_empty_frame(tmp_path, monkeypatch):
    """Of a root without a log, also where it is the configured one."""
    monkeypatch.setenv("PATTERNSPAN_ROOT", str(events_folder(tmp_path).parent))
    for source in (None, tmp_path / "state", tmp_path):
        assert rows(frames.events(source)) == []


def test_a_long_line_is_read(tmp_path):
    """As long as readers take them."""
    event = SOME[0][0].to_dict() | {"details": {"output": "x" * 20_000_000}}
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(event) + "\n" + lines(SOME[1]).decode())
    assert len(rows(frames.events(log))) == 1 + len(SOME[1])


@pytest.mark.parametrize("name", ["none.jsonl", "none.parquet", "other.parquet"])
def test_what_cannot_be_read_is_named(tmp_path, name):
    """With what to name instead."""
    duckdb.sql("SELECT 1 AS status").write_parquet(str(tmp_path / "other.parquet"))
    with pytest.raises(ConfigError, match=rf"{name}: (no such file; name a root|holds no events: .* event_id)"):
        frames.events(tmp_path / name)


def test_your_own_connection_reads(tmp_path):
    """Its frame joins other relations of it."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(lines(SOME[0]))
    connection = duckdb.connect()
    events = frames.events(log, connection).to_native()
    assert connection.sql("SELECT count(*) FROM events").fetchall() == [(len(SOME[0]),)]
    del events


def test_without_the_extra_the_door_names_it(python):
    """With the line that installs it."""
    script = """
        import sys

        sys.modules["duckdb"] = None
        import patternspan

        try:
            import patternspan.frames
        except patternspan.MissingExtraError as error:
            print(error)
        """
    assert python(script).stdout == "frames need an extra: pip install 'patternspan[analytics]'\n"


def test_the_package_is_imported_without_engines(python):
    """They are loaded where frames are used."""
    script = "import sys, patternspan; print({'duckdb', 'narwhals'} & set(sys.modules))"
    assert python(script).stdout == "set()\n"
