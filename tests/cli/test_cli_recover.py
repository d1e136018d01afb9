"""`patternspan recover`, and how runs that cannot end any more are shown."""

import fcntl
import json
import os
import subprocess
import sys
import time

import pytest
from msgspec.structs import replace
from screens import calm, log, process, run  # noqa: F401

from logs import RunMaker, good_run, lines
from patternspan import procfs
from patternspan.model.wire import encode

HERE = {"host": procfs.host(), "start": f"{procfs.boot()}-{procfs.start_ticks()}"}


def going(number=1, pid=0, **member):
    """Return the events of a run that has no end, of a process that is gone unless its pid is given."""
    maker = RunMaker(number, time.time_ns() - 100 * 10**9)
    of = {**HERE, "pid": pid or os.getpid(), **({} if pid else {"start": f"{procfs.boot()}-1"}), **member}
    maker.add("execution.started", executor="python", command="app.scan", process=of)
    return maker.events


GONE, LIVING, ELSEWHERE = going(1), going(2, os.getpid()), going(3, 7, host="elsewhere")
ID = GONE[0].pattern_run_id


@pytest.fixture
def path(tmp_path):
    """Return a log of one run that is gone, one that lives, one of another host and one that has ended."""
    return log(tmp_path, lines(GONE + LIVING + ELSEWHERE + good_run(4)))


def statuses():
    """Return the status of each run, by the number of the run."""
    shown = (run("runs", "--json", "--status", status)[1] for status in ("abandoned", "running", "failed", "success"))
    return [[json.loads(line)["pattern_run_id"] for line in out.splitlines()] for out in shown]


def test_a_run_is_abandoned_then_failed(path):
    """Before recovery it is shown as abandoned, afterwards as failed, and all others stay what they were."""
    others = [events[0].pattern_run_id for events in (ELSEWHERE, LIVING)]
    good = [good_run(4)[0].pattern_run_id]
    assert statuses() == [[ID], others, [], good]
    code, out, err = run("recover")
    assert (code, err) == (0, "1 run ended\n")
    assert out.splitlines()[1].split()[:4] == [ID, "PAT-SEMGRP-001", "execution.failed", "process"]
    assert statuses() == [[], others, [ID], good]
    assert run("recover") == (0, "", "no run that cannot end any more\n")


def test_a_dry_run_writes_nothing(path):
    """It says what would be ended."""
    before = path.read_bytes()
    code, out, err = run("recover", "--dry-run", "--json")
    assert (code, err) == (0, "1 run would be ended\n")
    assert json.loads(out)["pattern_run_id"] == ID
    assert path.read_bytes() == before
    assert [name.name for name in path.parent.iterdir()] == [path.name]


def test_what_is_printed_as_json_stands_in_the_log(path):
    """The lines are those of the log."""
    out = run("recover", "--json")[1]
    assert path.read_text().endswith(out)


def test_other_hosts_are_judged_by_silence_alone(path):
    """A run of another host is ended when it was silent for as long as was said; a living one never is."""
    assert run("recover", "--silent-for", "1h")[2] == "1 run ended\n"
    assert run("recover", "--silent-for", "30s")[2] == "1 run ended\n"
    assert statuses()[1] == [LIVING[0].pattern_run_id]


def test_a_recovery_at_work_is_not_waited_for(path):
    """It says so, and ends well."""
    with open(path.parent / "pattern_events.recover.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run("recover") == (0, "", "another recovery is at work on this log: nothing was done\n")


def test_wrong_use():
    """A length of time that is none is a usage error, and no log is not found."""
    assert run("recover", "--silent-for", "soon")[0] == 2
    assert run("recover")[0] == 3


def test_the_screen_of_an_abandoned_run_and_of_its_end(path):
    """It names process and reason, then that the end is synthetic."""
    pid = os.getpid()
    why = f"process {pid} on {procfs.host()} is gone; the last event is pattern.execution.started at"
    out = run("run", ID)[1]
    assert out.startswith("? abandoned  PAT-SEMGRP-001")
    assert f"\n  {why} " in out
    assert f"\n  process     {procfs.host()} · pid {pid}\n" in out
    run("recover")
    out = run("run", ID)[1]
    assert out.startswith("✗ failed  PAT-SEMGRP-001")
    assert f"\n  abandoned: {why} " in out
    assert "\n  synthetic: another process wrote this end\n" in out
    assert "(synthetic, abandoned: process " in run("events", "-r", ID)[1]


def test_following_a_run_that_is_gone_comes_to_an_end(path):
    """Nobody waits for an end that cannot come; one that lives is waited for."""
    code, out, err = process("run", "--follow", ID)
    assert (code, out.partition("  ")[0], err) == (0, "? abandoned", "")


def test_a_run_whose_process_ends_while_it_is_followed(tmp_path):
    """The follower sees the process go."""
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    ticks = f"{procfs.boot()}-{procfs.start_ticks(child.pid)}"
    log(tmp_path, lines(going(5, child.pid, start=ticks)))
    follower = subprocess.Popen(
        [sys.executable, "-m", "patternspan", "run", "-f", "P"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    child.communicate()
    assert follower.communicate()[0].startswith("? abandoned")


TOLD = {"events": 12, "since": "2025-11-26T07:15:13Z", "until": "2025-11-26T07:15:14Z", "reason": "ENOSPC: full"}
WORDS = "gap: 12 events could not be written between 2025-11-26T07:15:13Z and 2025-11-26T07:15:14Z (ENOSPC: full)"


def test_what_could_not_be_written_is_told(tmp_path):
    """events, runs, run and doctor say how many events are missing, when and why; a run at another time is not told."""
    first, *rest = good_run(1)
    later = good_run(2, first.time_ns + 3600 * 10**9)
    carrier = replace(later[0], extra={"gap": TOLD})
    log(tmp_path, lines([first, *rest, carrier, *later[1:]]))
    total = "1 gap: 12 events could not be written\n"
    assert run("events")[2] == f"{WORDS}\n{total}"
    assert run("events", "--json", "-r", later[0].pattern_run_id)[2] == f"{WORDS}\n{total}"
    assert run("events", "-r", first.pattern_run_id)[2] == ""
    assert run("runs")[2] == f"{WORDS}\n{total}"
    assert run("runs", "-r", later[0].pattern_run_id)[2] == ""
    assert f"\n  problems\n    {WORDS}\n" in run("run", first.pattern_run_id)[1]
    assert "problems" not in run("run", later[0].pattern_run_id)[1]
    finding = next(line for line in run("doctor")[1].splitlines() if "gaps" in line)
    assert finding.split()[:2] == ["warn", "gaps"]
    assert finding.endswith(f"1 gap: 12 events could not be written; the last {WORDS}")
    assert encode(carrier).endswith(b'"reason":"ENOSPC: full"}}')
