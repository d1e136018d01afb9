"""recover(): the end of runs that cannot end any more."""

import fcntl
import os
import signal
import subprocess
import sys
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from logs import RunMaker, good_run, lines
from patternspan import ConfigError, fold, procfs, read_events, recover
from patternspan.model.conform import judge_event, judge_lifecycle
from patternspan.model.fold import in_order
from patternspan.model.run import PatternRun
from patternspan.model.wire import decode

KILLED = """
import os, signal, sys
from patternspan import current_run, job, pattern_span

@pattern_span("PAT-KILL-001", phases=True)
def work(phase):
    run = current_run()
    selection = run.selecting(["PAT-KILL-001", "PAT-KILL-002"])
    with selection:
        if phase == "selection":
            os.kill(os.getpid(), signal.SIGKILL)
        selection.resolve("PAT-KILL-001")
    with run.validating(checks=["one"]):
        if phase == "validation":
            os.kill(os.getpid(), signal.SIGKILL)
    with run.executing():
        os.kill(os.getpid(), signal.SIGKILL)

with job("JOB-01KAZG87630EFMN1W0DXAAY139"):
    work(sys.argv[1])
"""


def killed(folder, phase="execution"):
    """Let a process kill itself in a phase of its run, and return the root of its log."""
    done = subprocess.run([sys.executable, "-c", KILLED, phase], cwd=folder, check=False)
    assert done.returncode == -signal.SIGKILL
    return folder / "state"


def write(folder, *runs):
    """Write a log that holds these runs, and return its root."""
    path = folder / "state" / "events" / "pattern_events.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines([event for events in runs for event in events]))
    return folder / "state"


@pytest.mark.parametrize("phase", ["selection", "validation", "execution"])
def test_a_killed_run_is_ended_once(tmp_path, phase):
    """In whichever phase its process was killed, the run gets one valid end in both logs and an archive."""
    root = killed(tmp_path, phase)
    before = list(read_events(root))

    assert [event.event_type for event in recover(root, dry_run=True)] == [f"pattern.{phase}.failed"]
    assert list(read_events(root)) == before
    (end,) = recover(root)
    assert recover(root) == []

    events = list(read_events(root))
    assert events == [*before, end]
    assert (judge_event(end.to_dict()), judge_lifecycle(events)) == ([], [])
    assert (end.details["synthetic"], end.details["error_type"]) == (True, "abandoned")
    pid = before[0].details["process"]["pid"]
    assert end.details["error_message"].startswith(f"process {pid} on {procfs.host()} is gone; the last event is ")
    (job_log,) = root.glob("events/jobs/*/pattern_events.jsonl")
    assert list(read_events(job_log)) == events
    (archive,) = root.glob("pattern_runs/*/*.jsonl")
    assert archive.stat().st_mode & 0o777 == 0o600
    assert msgspec.json.decode(archive.read_bytes(), type=PatternRun) == fold(events)


def test_a_living_run_and_an_ended_one_are_left_alone(tmp_path):
    """Nothing is written for a run whose process lives, or that has its end, however long it is silent."""
    living = RunMaker(3)
    member = {"host": procfs.host(), "pid": os.getpid(), "start": f"{procfs.boot()}-{procfs.start_ticks()}"}
    living.add("execution.started", executor="python", command="f", process=member)
    root = write(tmp_path, good_run(), living.events)
    assert recover(root, silent_for=0) == []
    assert len(list(read_events(root))) == 8


def test_unknown_processes_are_judged_by_silence(tmp_path):
    """Past its timeout a run is ended; without one, where it was silent for longer than was said."""
    timed, untimed = RunMaker(1).begin().events, RunMaker(2).begin().events[:3]
    root = write(tmp_path, timed, untimed)
    ids = [events[0].pattern_run_id for events in (timed, untimed)]
    assert [event.pattern_run_id for event in recover(root, dry_run=True)] == ids[:1]
    for silent in (3600, "1h", timedelta(hours=1)):
        assert [event.pattern_run_id for event in recover(root, dry_run=True, silent_for=silent)] == ids
    assert [event.pattern_run_id for event in recover(str(root), silent_for="1h")] == ids


@pytest.mark.parametrize("wrong", ["soon", -1, True, [], float("nan"), "1"])
def test_a_wrong_length_of_time_is_a_config_error(tmp_path, wrong):
    """What is no length of time is said, and nothing is done."""
    with pytest.raises(ConfigError, match="silent_for"):
        recover(tmp_path, silent_for=wrong)


def test_nothing_recorded_is_nothing_to_recover(tmp_path):
    """Nothing is made below a root without a log."""
    assert recover(tmp_path / "state") == []
    assert list(tmp_path.iterdir()) == []


def test_another_recovery_is_not_waited_for(tmp_path):
    """Where one is at work, or was stopped at it, nothing is done; its lock goes with it."""
    root = write(tmp_path, RunMaker().begin().events)
    lock = os.open(root / "events" / "pattern_events.recover.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert recover(root) == []
    assert len(recover(root, dry_run=True)) == 1
    os.close(lock)
    assert len(recover(root)) == 1


def test_a_log_that_cannot_be_written_is_an_error(tmp_path):
    """Nothing is said to be recovered that is not in the log."""
    root = write(tmp_path, RunMaker().begin().events)
    log = root / "events" / "pattern_events.jsonl"
    log.rename(f"{log}.1")
    log.symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"pattern_events\.jsonl"):
        recover(root)
    log.unlink()
    assert len(recover(root)) == 1


def test_many_recoveries_at_once_write_one_end(tmp_path):
    """Whichever of them comes first."""
    root = killed(tmp_path)
    script = "from patternspan import recover; recover()"
    children = [subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path) for _ in range(4)]
    assert [child.wait() for child in children] == [0] * 4
    text = (root / "events" / "pattern_events.jsonl").read_bytes()
    assert text.count(b'"synthetic":true') == 1


def test_two_ends_without_a_lock_are_shown_as_one(tmp_path):
    """Where the file system has no locks, two recoveries write the same event id, and readers show one of them."""
    events = RunMaker().begin().events
    root = write(tmp_path, events)
    (first,) = recover(root)
    other = write(tmp_path / "other", events)
    (second,) = recover(other)
    assert second.event_id == first.event_id
    with (root / "events" / "pattern_events.jsonl").open("ab") as file:
        file.write(lines([second]))
    assert list(read_events(root)) == [*events, first]


def test_the_runs_own_end_counts_when_it_comes_after_all(tmp_path):
    """A process that was only paused ends its run, and that is how it is shown."""
    maker = RunMaker().begin()
    root = write(tmp_path, maker.events)
    (end,) = recover(root)
    late = replace(maker.succeed().events[-1], timestamp=end.timestamp.replace("Z", "9Z"))
    with (root / "events" / "pattern_events.jsonl").open("ab") as file:
        file.write(lines([late]))
    run = fold(read_events(root))
    assert (run.status, run.error, run.finished_at) == ("success", None, late.timestamp)
    assert recover(root) == []


def test_a_hostile_log_is_recovered_too(tmp_path):
    """Ids that are paths, times at the end of the calendar: the end is written where it belongs."""
    first = RunMaker().begin().events[0]
    ids = {"pattern_run_id": "../../../PRUN", "job_id": "../../x"}
    hostile = replace(first, **ids, timestamp="9999-12-31T23:59:59Z", details={"process": 7})
    root = write(tmp_path, [hostile])
    assert recover(root, silent_for=0) == []
    past = replace(hostile, timestamp="0001-01-01T00:00:00Z")
    root = write(tmp_path, [past])
    (end,) = recover(root, silent_for=0)
    assert in_order([end, past]) == [past, end]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state"]
    assert all(decode(line) for path in root.rglob("pattern_events.jsonl") for line in path.read_bytes().splitlines())
