"""The log holds whole lines: from many processes and threads, after fork, torn tails, rotation and removal."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from patternspan import PatternEvent, job, pattern_span
from patternspan.export.line_log import LineLog
from patternspan.export.sink import JsonlSink
from patternspan.layout import job_log, safe_name
from patternspan.log.reader import BadLine, LogLine, read_all
from patternspan.model.wire import encode
from recorded import short

LINE = b'{"number":0,"text":"abc"}\n'


def _events(path: Path) -> list[PatternEvent]:
    """Return the events that a reader finds in a log, each once, in the order of the file."""
    found = [item.event for item in read_all(str(path)) if isinstance(item, LogLine)]
    return list({event.event_id: event for event in found}.values())


def _event(number: int, size: int = 0) -> PatternEvent:
    return PatternEvent.create(
        "pattern.execution.started", "JOB-1", f"PRUN-{number}", "PAT-X-001", "in_progress", {"text": "x" * size}
    )


def test_eight_processes_on_one_log_lose_and_break_nothing(tmp_path: Path) -> None:
    """Lines of 50 bytes to a megabyte come whole, each process's own in its order."""
    log = tmp_path / "events" / "log.jsonl"
    script = f"""
import json, sys
from patternspan.export.line_log import LineLog
log, me = LineLog({str(log)!r}), int(sys.argv[1])
for number in range(300):
    size = (1_000_000 if me == 0 else 5000) if number % 100 == 50 else number % 7 * 600
    log.append(json.dumps([me, number, "x" * size]).encode() + b"\\n")
"""
    children = [subprocess.Popen([sys.executable, "-c", script, str(number)]) for number in range(8)]
    assert [child.wait(60) for child in children] == [0] * 8
    found: dict[int, list[int]] = {number: [] for number in range(8)}
    for line in log.read_bytes().splitlines():
        if line:
            me, number, _ = json.loads(line)
            if number not in found[me]:
                found[me].append(number)
    assert found == {number: list(range(300)) for number in range(8)}


def test_threads_of_one_process_take_turns(tmp_path: Path) -> None:
    """No line is lost, broken or doubled."""
    log = LineLog(str(tmp_path / "log.jsonl"))
    barrier = threading.Barrier(8)

    def work(me: int) -> None:
        barrier.wait()
        for number in range(200):
            log.append(json.dumps([me, number]).encode() + b"\n")

    threads = [threading.Thread(target=work, args=(me,)) for me in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    lines = [tuple(json.loads(line)) for line in (tmp_path / "log.jsonl").read_bytes().splitlines()]
    assert sorted(lines) == [(me, number) for me in range(8) for number in range(200)]


def test_a_tail_torn_at_any_byte_never_takes_the_next_line_with_it(tmp_path: Path) -> None:
    """What a dead writer left stays a line of its own, which readers name."""
    torn = encode(_event(0, 20))
    for cut in range(len(torn) + 1):
        path = tmp_path / str(cut) / "log.jsonl"
        path.parent.mkdir()
        path.write_bytes(LINE + torn[:cut])
        event = _event(cut)
        log = LineLog(str(path))
        log.append(encode(event) + b"\n")
        log.close()
        whole = [] if cut < len(torn) else [json.loads(torn)]
        assert [found.to_dict() for found in _events(path)] == [*whole, event.to_dict()]
        assert path.read_bytes().endswith(b"\n" + encode(event) + b"\n")


@pytest.mark.parametrize("size", [1, 300, 4000, 300_000])
def test_a_tail_that_another_writer_tears_between_two_lines_is_seen(tmp_path: Path, size: int) -> None:
    """After a pause the end of the log is looked at before the next line."""
    path = tmp_path / "log.jsonl"
    log = LineLog(str(path))
    written = []
    for number in range(5):
        event = _event(number)
        log.append(encode(event) + b"\n")
        written.append(event)
        with open(path, "ab") as other:
            other.write(b"{" + b"x" * (size - 1))
        time.sleep(0.01)
    log.close()
    assert _events(path) == written


def test_a_line_glued_to_one_torn_at_a_page_in_that_very_moment_is_written_again(tmp_path: Path) -> None:
    """Without a pause between: the kernel tears lines at page borders, and there the writer looks back."""
    path = tmp_path / "log.jsonl"
    log = LineLog(str(path))
    written = []
    for number in range(20):
        event = _event(number)
        log.append(encode(event) + b"\n")
        written.append(event)
        with open(path, "ab") as other:
            other.write(b"y" * (4096 - other.tell() % 4096))
    last = _event(99)
    log.append(encode(last) + b"\n")
    log.close()
    assert _events(path) == [*written, last]


def test_a_writer_that_is_killed_at_any_time_takes_nobody_elses_line(tmp_path: Path) -> None:
    """Every line that `append` returned for is read back, though others die in the middle of theirs."""
    path = tmp_path / "log.jsonl"
    script = f"""
import os
from patternspan.export.line_log import LineLog
log = LineLog({str(path)!r})
print("go", flush=True)
while True:
    log.append(b'{{"dies":"' + b"x" * 300_000 + b'"}}\\n')
"""
    stop = threading.Event()
    written: list[PatternEvent] = []

    def work() -> None:
        log = LineLog(str(path))
        while not stop.is_set():
            event = _event(len(written), 200)
            log.append(encode(event) + b"\n")
            written.append(event)
            time.sleep(0.0005)
        log.close()

    writer = threading.Thread(target=work)
    writer.start()
    try:
        for _ in range(5):
            child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(0.01)
            child.kill()
            child.communicate()
    finally:
        stop.set()
        writer.join()
    found = {event.event_id for event in _events(path)}
    assert [event for event in written if event.event_id not in found] == []


def test_a_signal_handler_may_write_in_the_middle_of_an_append(tmp_path: Path) -> None:
    """No deadlock, no broken line, none lost."""
    path = tmp_path / "log.jsonl"
    log = LineLog(str(path))
    handled: list[int] = []

    def handler(number: int, frame: Any) -> None:
        # On a busy machine the next signal comes while this one is handled: each has a number of its own at once.
        handled.append(len(handled))
        log.append(json.dumps(["handler", handled[-1]]).encode() + b"\n")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for number in range(5000):
            log.append(json.dumps(["loop", number]).encode() + b"\n")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    log.close()
    lines = [tuple(json.loads(line)) for line in path.read_bytes().splitlines() if line]
    assert [number for who, number in lines if who == "loop"] == list(range(5000))
    assert len([number for who, number in lines if who == "handler"]) == len(handled) > 0


def test_a_child_forked_while_other_threads_record_writes_on(python: Any, tmp_path: Path) -> None:
    """No lock is inherited, no id is repeated, no line is torn: forty forks."""
    python(
        """
        import os, sys, threading, time, warnings
        from patternspan import pattern_span

        @pattern_span("PAT-FORK-001")
        def work(who): return {"who": who}

        stop = threading.Event()
        def loop():
            while not stop.is_set(): work("parent")
        threads = [threading.Thread(target=loop) for _ in range(3)]
        work("first")
        for thread in threads: thread.start()
        children = []
        for number in range(40):
            pid = os.fork()
            if pid == 0:
                try:
                    for _ in range(3): work(f"child {number}")
                finally:
                    os._exit(0)
            children.append(pid)
        end = time.monotonic() + 30
        while children and time.monotonic() < end:
            children = [pid for pid in children if os.waitpid(pid, os.WNOHANG) == (0, 0)]
            time.sleep(0.01)
        stop.set()
        for thread in threads: thread.join()
        for pid in children: os.kill(pid, 9)
        sys.exit(len(children))
        """
    )
    items = list(read_all(str(tmp_path / "state/events/pattern_events.jsonl")))
    assert [str(item) for item in items if isinstance(item, BadLine)] == []
    events = [item.event for item in items if isinstance(item, LogLine)]
    assert len({event.event_id for event in events}) == len(events)
    children = [event.details["result_summary"]["who"] for event in events if event.event_type.endswith("completed")]
    assert {who: children.count(who) for who in set(children) if who.startswith("child")} == {
        f"child {number}": 3 for number in range(40)
    }
    assert len({event.job_id for event in events}) == 1


@pytest.mark.parametrize("change", ["renamed", "removed", "folder removed"])
def test_a_log_that_is_moved_away_is_begun_anew_under_load(tmp_path: Path, change: str) -> None:
    """Within about a second lines go to a new file, and those that went to a removed one are taken over into it.

    The one that was written meanwhile may come twice, which readers see by its id.
    """
    path = tmp_path / "events" / "log.jsonl"
    log = LineLog(str(path))
    log.append(b"0\n")
    if change == "renamed":
        path.rename(path.with_suffix(".1"))
    elif change == "removed":
        path.unlink()
    else:
        shutil.rmtree(path.parent)
    end = time.monotonic() + 15
    appended = 1
    while not path.exists() and time.monotonic() < end:
        log.append(b"%d\n" % appended)
        appended += 1
    log.append(b"last\n")
    log.close()
    expected = [*range(appended), "last"] if change != "renamed" else [appended - 1, "last"]
    found = path.read_text().split()
    assert list(dict.fromkeys(found)) == [str(number) for number in expected]
    assert len(found) <= len(expected) + 1


def test_a_link_planted_at_the_logs_name_is_refused(tmp_path: Path) -> None:
    """Nothing is written where it leads."""
    target = tmp_path / "target"
    target.write_bytes(b"")
    (tmp_path / "log.jsonl").symlink_to(target)
    log = LineLog(str(tmp_path / "log.jsonl"))
    with pytest.raises(OSError, match=r"symbolic links|Too many"):
        log.append(LINE)
    assert target.read_bytes() == b""


def test_a_full_disk_is_an_error_each_time_and_good_again_when_there_is_room(tmp_path: Path) -> None:
    """The limit on the size of files cuts a line short, as a full disk does; what returned is whole, and it goes on."""
    log = LineLog(str(tmp_path / "log.jsonl"))
    written = []
    full = 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    try:
        for number in range(60):
            event = _event(number, 700)
            try:
                log.append(encode(event) + b"\n")
                written.append(event)
            except OSError:
                full += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert full > 0
    assert os.path.getsize(tmp_path / "log.jsonl") == 30_000
    event = _event(1000, 700)
    log.append(encode(event) + b"\n")
    written.append(event)
    log.close()
    assert _events(tmp_path / "log.jsonl") == written


JOBS = [
    "../../x",
    "",
    ".",
    "..",
    "a/b",
    "x" * 300,
    "überjob",
    "a\nb",
    "\x00",
    "%2e%2e",
    "JOB-1",
    "a b",
    "-rf",
    "jobs\\x",
]


@pytest.mark.parametrize("job_id", JOBS, ids=ascii)
def test_a_job_id_never_leaves_the_root(root: Path, written: Any, job_id: str) -> None:
    """Whatever it is, its log stands below `jobs`, one folder deep."""
    name = safe_name(job_id)
    assert name not in {"", ".", ".."}
    assert not set("/\0\n\\") & set(name)
    assert len(name.encode()) <= 255
    with job(job_id or "JOB-9"), pattern_span("PAT-SINK-001"):
        pass
    path = Path(job_log(str(root), job_id or "JOB-9"))
    assert path.parent.parent == root / "events" / "jobs"
    assert short(_events(path)) == short(written())
    assert [folder.name for folder in root.parent.iterdir()] == ["state"]
    assert [folder.name for folder in (root / "events" / "jobs").iterdir()] == [path.parent.name]


def test_no_two_job_ids_share_a_folder() -> None:
    """The escaped form of one is never the form of another."""
    names = [safe_name(job_id) for job_id in [*JOBS, "x" * 301, "%", "%78", "a_b"]]
    assert len(set(names)) == len(names)


def test_many_jobs_keep_few_files_open(tmp_path: Path) -> None:
    """The logs of jobs that were not written to for long are closed."""
    sink = JsonlSink(str(tmp_path / "events"))
    before = len(os.listdir("/proc/self/fd"))
    for number in range(200):
        event = PatternEvent.create("pattern.execution.started", f"JOB-{number}", "PRUN-1", "PAT-X", "in_progress")
        sink(encode(event) + b"\n", event.job_id, event.event_id)
    assert len(os.listdir("/proc/self/fd")) - before < 50
    sink.close()
    assert len(list((tmp_path / "events/jobs").iterdir())) == 200
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_killed_process_leaves_its_events(tmp_path: Path) -> None:
    """SIGKILL in the middle of the execution: all that had happened is on disk, in both logs."""
    script = """
import os, signal
from patternspan import current_run, job, pattern_span

@pattern_span("PAT-KILL-001")
def work():
    run = current_run()
    run.select()
    with run.validating():
        pass
    with run.executing():
        os.kill(os.getpid(), signal.SIGKILL)

with job("JOB-ONE"):
    work()
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path)
    assert done.returncode == -9
    for name in ("pattern_events.jsonl", "jobs/JOB-ONE/pattern_events.jsonl"):
        assert short(_events(tmp_path / "state/events" / name)) == [
            ("selection.started", "in_progress"),
            ("selection.resolved", "in_progress"),
            ("validation.started", "in_progress"),
            ("validation.completed", "in_progress"),
            ("execution.started", "in_progress"),
        ]


def test_files_are_for_their_owner_alone(root: Path) -> None:
    """Logs hold what tools were told: nobody else reads them."""
    with pattern_span("PAT-SINK-002") as run:
        run.command(["echo", "x"])
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in root.rglob("*") if path.is_file()}
    assert set(modes.values()) == {"0o600"}
