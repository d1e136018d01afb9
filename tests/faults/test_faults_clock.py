"""The wall clock jumps by years either way while a program records: order stays, no duration is negative."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from harness import Child, contents
from readback import read
from shim import Shim

from patternspan.model.fold import fold

YEARS = 3 * 365 * 24 * 3600
JUMPS = [pytest.param(YEARS, id="forward"), pytest.param(-YEARS, id="back")]
# A run in three parts, with the clock set between them by whoever runs the child.
BEGIN = """
from patternspan import pattern_span
block = pattern_span("PAT-CLOCK-001")
run = block.__enter__()
run.select(candidates=["a"])
"""
MIDDLE = """
with run.validating() as checks:
    checks.check("tool", True)
"""
END = "run.result(number=1)\nblock.__exit__(None, None, None)"


def recorded(root: Path, shim: Shim, jump: int) -> Child:
    """Record runs and events across jumps of the clock."""
    with Child(root, options={"archive": True, "job_log": True}, **shim.variables) as child:
        child.run(f"{BEGIN}\nwrite(3)")
        shim.begin(clock_offset=jump)
        child.run(f"{MIDDLE}\nwrite(3)")
        shim.begin(clock_offset=-jump)
        child.run(f"{END}\nwrite(3)")
        shim.begin(clock_offset=0)
        child.run(f"{BEGIN}{MIDDLE}{END}\nwrite(3)")
    return child


def test_the_shim_moves_the_clock(root_folder: Path, shim: Shim) -> None:
    """The injection is seen by whoever asks for the time in any of its ways."""
    with Child(root_folder, **shim.variables) as child:
        shim.begin(clock_offset=YEARS)
        code = (
            "import time, datetime\nresult = [time.time_ns() / 1e9, time.time(), datetime.datetime.now().timestamp()]"
        )
        there = child.run(code)
        shim.begin(clock_offset=0)
        here = child.run(code)
    assert [YEARS - 60 < one - other < YEARS + 60 for one, other in zip(there, here, strict=True)] == [True] * 3


@pytest.mark.parametrize("jump", JUMPS)
def test_a_run_across_a_jump_has_no_negative_duration(root_folder: Path, shim: Shim, jump: int) -> None:
    """Its times rise, its phases and its end are moments after its beginning, and its ids rise."""
    recorded(root_folder, shim, jump)
    events = [event for event in read(root_folder).events if event.pattern_id == "PAT-CLOCK-001"]
    runs = [
        [event for event in events if event.pattern_run_id == run_id] for run_id in {e.pattern_run_id for e in events}
    ]
    assert len(runs) == 2
    for run in runs:
        assert [(one.timestamp, one.event_id) for one in run] == sorted((one.timestamp, one.event_id) for one in run)
        folded = fold(run)
        assert folded.duration_seconds is not None
        assert 0 <= folded.duration_seconds < 60
        assert all(0 <= milliseconds < 60_000 for milliseconds in folded.metrics.values())
        assert 0 <= run[-1].details["duration_seconds"] < 60


@pytest.mark.parametrize("jump", JUMPS)
def test_the_order_of_a_writer_outlives_a_jump(root_folder: Path, shim: Shim, jump: int) -> None:
    """In the log, and by the ids, which rise whatever the clock says."""
    child = recorded(root_folder, shim, jump)
    found = read(root_folder)
    assert (found.bad, contents(found)) == ([], [])
    ids = [event.event_id for event in found.events]
    assert [one for one, other in pairwise(ids) if one >= other] == []
    assert set(child.acked) <= set(ids)


def patternspan_says(root: Path, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "patternspan", *words],
        env={**os.environ, "PATTERNSPAN_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["event_id"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("jump", JUMPS)
def test_since_finds_what_the_clock_called_recent(root_folder: Path, shim: Shim, jump: int) -> None:
    """An event counts by its own timestamp, in a log that is too large to be read for that."""
    with Child(root_folder, **shim.variables) as child:
        for offset in (0, jump, -jump, 0):
            shim.begin(clock_offset=offset)
            child.write(2000)
    events = read(root_folder).events
    hour_ago = time.time_ns() - 3600 * 10**9
    recent = [event.event_id for event in events if event.time_ns > hour_ago]
    assert len(recent) == 6000
    assert patternspan_says(root_folder, "events", "--since", "1h", "--json") == recent


@pytest.mark.parametrize("jump", JUMPS)
def test_following_shows_each_event_once_in_order(root_folder: Path, shim: Shim, jump: int) -> None:
    """`--follow` reads by place, not by time."""
    with Child(root_folder, **shim.variables) as child:
        child.write(1)
        follower = subprocess.Popen(
            [sys.executable, "-m", "patternspan", "events", "--follow", "--json"],
            env={**os.environ, "PATTERNSPAN_ROOT": str(root_folder)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert follower.stdout is not None
        seen = [json.loads(follower.stdout.readline())["event_id"]]
        for offset in (jump, -jump, 0):
            shim.begin(clock_offset=offset)
            child.write(3)
        seen += [json.loads(follower.stdout.readline())["event_id"] for _ in range(9)]
        follower.terminate()
        follower.communicate()
    assert seen == child.acked
