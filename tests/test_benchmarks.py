"""The benchmarks run: here as small as they go, for what they do and not for their figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_recording_compares_every_arm():
    """The recording benchmark prints one ratio for each figure that is promised."""
    ratios = json.loads(run("recording.py", "--rounds", "1", "--runs", "3", "--json"))

    assert list(ratios) == [
        "JSONL + span + 7 events / bare SDK",
        "with phase spans / bare SDK, 5 spans",
        "with job log and archive / bare SDK",
        "everything (defaults) / bare SDK, 5 spans",
        "JSONL alone / floor: 7 lines",
        "switched off / no-op API span",
    ]
    assert all(ratio > 0 for ratio in ratios.values())


@pytest.mark.parametrize(
    ("script", "arguments", "told"),
    [
        ("importing.py", ["--rounds", "1"], "ratio:"),
        ("writers.py", ["--rounds", "1", "--lines", "200"], "every line whole, once"),
        ("dead.py", ["--rounds", "1", "--runs", "2", "--work", "1"], "dead, processor"),
        ("durability.py", ["--rounds", "1", "--lines", "8"], "event / bare, time"),
        ("store.py", ["--rounds", "1", "--events", "2000", "--pair-events", "500"], "database / log:"),
        ("frames.py", ["--rounds", "1", "--events", "2000", "--fold-events", "2000"], "frames / plain SQL"),
        ("sealing.py", ["--rounds", "1", "--events", "2000"], "sealing beyond SHA-256:"),
        ("rotation.py", ["--rounds", "1", "--runs", "3", "--lines", "2000"], "4 writers, segments 256 KiB, gzip"),
        ("redaction.py", ["--set", "held-out"], "hostile texts of 180 kB"),
        ("exporting.py", ["--rounds", "2", "--runs", "4"], "uncounted 0.00"),
        ("reading.py", ["--rounds", "1", "--events", "2000"], "a wake of --follow"),
        ("serving.py", ["--seconds", "1", "--events", "2000", "--asking", "0.1", "--idle", "1"], "200 idle streams:"),
        ("panel.py", ["--events", "300"], "an event is drawn"),
    ],
)
def test_the_other_benchmarks_run(script, arguments, told):
    """Each benchmark ends with the figure that it is there for."""
    assert told in run(script, *arguments)


def test_the_made_log_is_the_same_each_time(tmp_path):
    """The same seed gives the same bytes."""
    for name in ("a", "b"):
        run("make_log.py", str(tmp_path / name), "--events", "70")

    first = (tmp_path / "a").read_bytes()
    assert first == (tmp_path / "b").read_bytes()
    assert first.count(b"\n") == 70
