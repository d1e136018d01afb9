"""The folder of the logs goes away or is not what it was: nothing is written elsewhere, nothing is lost unsaid."""

from __future__ import annotations

import datetime
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from disks import Ext4
from harness import Child, HeldUp, problems
from readback import read
from steps import FULL
from test_faults_disk import RESULTS, RESUMED, WORK, health

from patternspan import follow_events, read_events

UNTIL_FAILING = "while not patternspan.health().failing: write(1)"
UNTIL_THERE = "while not os.path.exists({0!r}): write(1)"


def log_of(root: Path) -> Path:
    return root / "events" / "pattern_events.jsonl"


def removed(root: Path) -> None:
    shutil.rmtree(root / "events")


def all_removed(root: Path) -> None:
    shutil.rmtree(root)


def file_removed(root: Path) -> None:
    log_of(root).unlink()


def replaced(root: Path) -> None:
    (root / "events").rename(root / "moved")
    (root / "events").mkdir()


@pytest.mark.parametrize("change", [removed, all_removed, file_removed, replaced], ids=lambda change: change.__name__)
def test_what_is_recorded_after_the_folder_went_is_found_again(
    root_folder: Path, change: Callable[[Path], None]
) -> None:
    """All of it, also what came before the writer saw that its file is nobody's any more."""
    with Child(root_folder) as child:
        child.write(5)
        change(root_folder)
        before = len(child.acked)
        child.run(UNTIL_THERE.format(str(log_of(root_folder))))
        child.write(5)
        child.kill()
    found = set(read(root_folder).ids)
    if change is replaced:
        found |= set(read(root_folder / "moved" / "pattern_events.jsonl").ids)
        before = 0
    assert [event_id for event_id in child.acked[before:] if event_id not in found] == []
    assert child.stderr == ""


def planted_link(path: Path, target: Path) -> None:
    target.write_bytes(b"")
    path.symlink_to(target)


def planted_pipe(path: Path, target: Path) -> None:
    target.write_bytes(b"")
    os.mkfifo(path)


def planted_folder(path: Path, target: Path) -> None:
    target.write_bytes(b"")
    path.mkdir()


def planted_device(path: Path, target: Path) -> None:
    target.write_bytes(b"")
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))


def planted_socket(path: Path, target: Path) -> None:
    target.write_bytes(b"")
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


PLANTED = [planted_link, planted_pipe, planted_folder, planted_device, planted_socket]


@pytest.mark.parametrize(
    ("plant", "when"),
    [(plant, "before") for plant in PLANTED] + [(plant, "during") for plant in (PLANTED if FULL else PLANTED[:2])],
)
def test_what_stands_at_the_logs_name_and_is_no_file_is_not_written_to(
    root_folder: Path, tmp_path: Path, plant: Callable[[Path, Path], None], when: str
) -> None:
    """Nobody waits for it either; once it is gone, all that was recorded meanwhile is in the log."""
    log, target = log_of(root_folder), tmp_path / "target"
    if when == "before":
        log.parent.mkdir(parents=True)
    with Child(root_folder) as child:
        if when == "during":
            child.write(5)
            log.rename(log.with_suffix(".jsonl.1"))
        plant(log, target)
        child.run(UNTIL_FAILING)
        child.write(5)
        assert child.run(WORK) == RESULTS
        assert health(child)["lost"] == 0
        if log.is_dir():
            log.rmdir()
        else:
            log.unlink()
        child.run(RESUMED)
        child.kill()
        assert target.read_bytes() == b""
        assert len(child.stderr.splitlines()) == 1
        assert problems(root_folder, child.acked) == []


@pytest.mark.parametrize("plant", [planted_pipe, planted_folder, planted_device, planted_socket])
@pytest.mark.parametrize("name", ["pattern_events.jsonl", "pattern_events.00000001.jsonl", "pattern_events.jsonl.1.gz"])
def test_nobody_waits_to_read_what_is_no_file(
    root_folder: Path, tmp_path: Path, plant: Callable[[Path, Path], None], name: str
) -> None:
    """At the log's name, at that of a segment and at that of a file rotated by others, readers say what it is."""
    path = log_of(root_folder).with_name(name)
    path.parent.mkdir(parents=True)
    plant(path, tmp_path / "target")
    if path != log_of(root_folder):
        with Child(root_folder) as child:
            child.write(3)
            child.kill()
    what = {planted_folder: "a directory, not a log", planted_device: "a device, not a log"}
    if plant is planted_device:
        path.unlink()
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    told: list[str] = []
    events = list(read_events(root_folder, on_problem=lambda problem: told.append(str(problem))))
    assert len(events) == (0 if path == log_of(root_folder) else 3)
    assert told == [f"{path}: {what.get(plant, 'not a regular file')}"]
    for words in (["events", "--since", "1h"], ["events", "--limit", "3"], ["runs"], ["log", "status"]):
        done = subprocess.run(
            [sys.executable, "-m", "patternspan", "--root", str(root_folder), *words],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize("plant", [planted_pipe, planted_socket])
def test_nobody_follows_what_is_no_file(root_folder: Path, tmp_path: Path, plant: Callable[[Path, Path], None]) -> None:
    """A follower waits for the log that comes in its place."""
    log = log_of(root_folder)
    log.parent.mkdir(parents=True)
    plant(log, tmp_path / "target")
    looks = []

    def stop() -> bool:
        looks.append(1)
        if len(looks) == 2:
            log.unlink()
            with Child(root_folder) as child:
                child.write(3)
                child.kill()
        return len(looks) > 3

    assert len(list(follow_events(root_folder, stop=stop))) == 3


@pytest.mark.parametrize("kind", ["logging", "flushed"])
def test_a_writer_that_follows_a_link_is_found_out(root_folder: Path, tmp_path: Path, kind: str) -> None:
    """The same injection finds what a naive writer has written elsewhere."""
    log_of(root_folder).parent.mkdir(parents=True)
    planted_link(log_of(root_folder), tmp_path / "target")
    with Child(root_folder, kind) as child:
        child.write(1)
        child.kill()
    assert (tmp_path / "target").stat().st_size > 0


def test_a_writer_that_waits_for_a_pipe_is_found_out(root_folder: Path, tmp_path: Path) -> None:
    """A FIFO at the log's name holds a naive writer up until somebody reads it."""
    log_of(root_folder).parent.mkdir(parents=True)
    planted_pipe(log_of(root_folder), tmp_path / "target")
    with pytest.raises(HeldUp):
        Child(root_folder, "logging", patience=1)


LINKED = """
import patternspan
from patternspan import job, pattern_span

with job("JOB-1"), pattern_span("PAT-LINK-001") as run:
    result = run.command(["echo", "hello"]).exit_code
"""


MONTH = datetime.datetime.now(datetime.UTC).strftime("%Y-%m")


@pytest.mark.parametrize("folder", ["events/jobs", "events/jobs/JOB-1", f"pattern_runs/{MONTH}"])
def test_a_link_below_the_root_is_not_followed(root_folder: Path, tmp_path: Path, folder: str) -> None:
    """Not that to the jobs' folder, nor one to a job's own, nor one to a month of archived runs."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = root_folder / folder
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with Child(root_folder, options={"job_log": True, "archive": True}) as child:
        assert child.run(LINKED) == 0
        child.kill()
    assert list(elsewhere.rglob("*")) == []
    assert len(read(root_folder).events) == 2


def test_links_at_the_names_of_a_run_are_not_followed(root_folder: Path, tmp_path: Path) -> None:
    """Neither that of a tool's output nor that of the archived run, whose names can be known once the run is open."""
    target = tmp_path / "target"
    target.write_bytes(b"")
    script = f"""
from patternspan import pattern_span
with pattern_span("PAT-LINK-002") as run:
    for path in (f"logs/{{run.run_id}}/stdout.log", f"pattern_runs/{MONTH}/{{run.run_id}}.jsonl"):
        path = os.path.join({str(root_folder)!r}, path)
        os.makedirs(os.path.dirname(path))
        os.symlink({str(target)!r}, path)
    result = run.command(["echo", "hello"]).exit_code
"""
    with Child(root_folder, options={"archive": True}) as child:
        assert child.run(script) == 0
        child.kill()
    assert target.read_bytes() == b""


def test_a_folder_that_nobody_may_change_is_waited_for(ext4: Ext4) -> None:
    """The attribute that binds root too: the folder first, then the log itself."""
    log = log_of(ext4.root)
    with Child(ext4.root) as child:
        child.write(5)
        for path in (log, log.parent):
            subprocess.run(["chattr", "+i", str(path)], check=True)
        try:
            child.run(UNTIL_FAILING)
            child.write(5)
            assert child.run(WORK) == RESULTS
        finally:
            for path in (log, log.parent):
                subprocess.run(["chattr", "-i", str(path)], check=True)
        child.run(RESUMED)
        child.kill()
        assert problems(ext4.root, child.acked) == []
        assert len(child.stderr.splitlines()) == 1


def test_a_root_that_cannot_be_made_is_waited_for(root_folder: Path) -> None:
    """A file stands in its way; once it is gone, all is there."""
    root_folder.write_bytes(b"")
    with Child(root_folder) as child:
        child.write(5)
        assert child.run(WORK) == RESULTS
        root_folder.unlink()
        child.run(RESUMED)
        child.kill()
        assert problems(root_folder, child.acked) == []
        assert len(child.stderr.splitlines()) == 1


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777], ids=oct)
def test_files_are_for_their_owner_alone_whatever_the_umask(root_folder: Path, umask: int) -> None:
    """0600 and 0700: logs, copies, archived runs, tools' output."""
    with Child(root_folder, options={"job_log": True, "archive": True}) as child:
        child.run(f"os.umask({umask})\nwrite(1)")
        child.run(LINKED)
        child.kill()
    paths = [root_folder, *root_folder.rglob("*")]
    files = {str(path): oct(path.stat().st_mode & 0o7777) for path in paths if path.is_file()}
    folders = {str(path): oct(path.stat().st_mode & 0o7777) for path in paths if path.is_dir()}
    assert len(files) >= 5
    assert {path: mode for path, mode in files.items() if mode != "0o600"} == {}
    assert {path: mode for path, mode in folders.items() if mode != "0o700"} == {}
