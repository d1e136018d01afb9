"""Sealing by itself: in the thread that closes segments, without anybody's asking."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from patternspan import seal, verify

RECORD = """
import os, sys, time
import patternspan
from patternspan import pattern_span

patternspan.configure(rotate_bytes=4000, {options})

@pattern_span("PAT-SEAL-001")
def work(number):
    return {{"findings": number}}

def manifests():
    return sorted(name for name in os.listdir("state/events") if name.endswith(".manifest.json"))

for number in range(30): work(number)
end = time.monotonic() + 20
"""
WAIT = """
segments = sum(name.startswith("pattern_events.0") and ".jsonl" in name for name in os.listdir("state/events"))
while len(manifests()) < 5 and time.monotonic() < end:
    time.sleep(0.05)
print(len(manifests()) >= 5)
"""


@pytest.mark.parametrize("compress", ["none", "gzip", "zstd"])
def test_closed_segments_are_sealed_in_the_background(python: Any, tmp_path: Path, compress: str) -> None:
    """The chain holds, before and after compression, and a change is named by its line."""
    done = python(RECORD.format(options=f"compress={compress!r}") + WAIT)
    assert (done.stdout, done.stderr) == ("True\n", "")
    folder = tmp_path / "state" / "events"
    seal(folder, grace=0)  # what was closed last
    report = verify(folder)
    assert report.ok, str(report)
    assert "segments as sealed" in str(report)
    if compress == "none":
        victim = folder / "pattern_events.00000002.jsonl"
        victim.write_bytes(victim.read_bytes().replace(b'"findings":', b'"findings" :', 1))
        assert not verify(folder).ok
        assert "00000002.jsonl:" in str(verify(folder))


def test_sealing_can_be_turned_off(python: Any, tmp_path: Path) -> None:
    """Then the command is what seals."""
    python(
        RECORD.format(options="seal=False")
        + """
while "pattern_events.index.jsonl" not in os.listdir("state/events") and time.monotonic() < end:
    time.sleep(0.05)
time.sleep(0.5)
"""
    )
    folder = tmp_path / "state" / "events"
    assert [name for name in os.listdir(folder) if "manifest" in name] == []
    assert len(seal(folder, grace=0).segments) > 3


def test_what_an_earlier_process_left_unsealed_is_caught_up(python: Any, tmp_path: Path) -> None:
    """A process that ends before its segments are closed leaves them to the next that rotates."""
    python(RECORD.format(options=""))
    folder = tmp_path / "state" / "events"
    before = [name for name in os.listdir(folder) if "manifest" in name]
    segments = [name for name in os.listdir(folder) if name.startswith("pattern_events.0") and name.endswith(".jsonl")]
    assert before == []
    assert len(segments) > 5
    python(RECORD.format(options="") + WAIT)
    names = {name for name in os.listdir(folder) if name.endswith(".manifest.json")}
    assert {name.replace(".jsonl", ".manifest.json") for name in segments[:5]} & names
    assert verify(folder).ok
