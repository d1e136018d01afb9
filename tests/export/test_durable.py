"""Group commit, and logs that are made for their owner alone."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from patternspan import configure, pattern_span
from patternspan.export.durable import GroupCommit
from patternspan.setup import shutdown_log


def test_threads_that_wait_at_the_same_time_share_a_sync() -> None:
    """While one syncs, the others write and wait; the next sync is for all of them."""
    commit, written, syncs = GroupCommit(), [0], [0]
    entered, go = threading.Event(), threading.Event()

    def sync() -> None:
        syncs[0] += 1
        if syncs[0] == 1:
            entered.set()
            assert go.wait(20)

    first = threading.Thread(target=commit.through, args=(1, lambda: written[0], sync))
    written[0] = 1
    first.start()
    assert entered.wait(20)
    written[0] = 9
    others = [threading.Thread(target=commit.through, args=(ticket, lambda: 9, sync)) for ticket in range(2, 10)]
    for thread in others:
        thread.start()
    go.set()
    for thread in (first, *others):
        thread.join(20)
    assert syncs[0] == 2


def test_a_sync_that_failed_has_failed_for_all_that_it_was_for() -> None:
    """The kernel tells of a lost page once: a later sync that succeeds says nothing of earlier lines."""
    commit = GroupCommit()

    def fails() -> None:
        raise OSError(5, "Input/output error")

    for ticket in (1, 2):
        with pytest.raises(OSError, match="Input/output error"):
            commit.through(ticket, lambda: 2, fails)
    with pytest.raises(OSError, match="Input/output error"):
        commit.through(1, lambda: 2, lambda: None)
    commit.through(3, lambda: 3, lambda: None)


@pytest.mark.parametrize("durability", ["os", "interval", "event"])
def test_each_durability_writes_the_same_lines(root: Path, durability: str) -> None:
    """What differs is when they reach the disk."""
    configure(root=root, durability=durability, sync_interval_ms=1)  # type: ignore[arg-type]

    @pattern_span("PAT-DURABLE-001")
    def work() -> None:
        """Nothing to do."""

    for _ in range(5):
        work()
    assert (root / "events" / "pattern_events.jsonl").read_bytes().count(b"\n") == 10


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_files_are_for_their_owner_alone_whatever_the_umask(root: Path, umask: int) -> None:
    """Folders are 0700 and files 0600, unless configured."""
    before = os.umask(umask)
    try:
        configure(root=root / "state")
        with pattern_span("PAT-MODES-001") as run:
            run.command(["true"])
        configure(root=root / "open", file_mode="0644", folder_mode="0755")
        with pattern_span("PAT-MODES-001") as run:
            run.command(["true"])
    finally:
        os.umask(before)

    def modes(folder: Path) -> set[tuple[bool, str]]:
        found = [folder, *folder.rglob("*")]
        return {(path.is_dir(), oct(stat.S_IMODE(path.stat().st_mode))) for path in found}

    assert modes(root / "state") == {(True, "0o700"), (False, "0o600")}
    assert modes(root / "open") == {(True, "0o755"), (False, "0o644")}


@pytest.mark.usefixtures("faults")
@pytest.mark.parametrize("place", ["events/jobs", "events/jobs/JOB-1", "pattern_runs/{month}", "logs/{run}"])
def test_a_link_planted_below_the_root_is_not_followed(root: Path, tmp_path: Path, place: str) -> None:
    """In the place of a folder that is ours to make: nothing is written where it leads, and the work goes on."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    configure(root=root, job_id="JOB-1")
    with pattern_span("PAT-LINK-001") as run:
        planted = root / place.format(month=datetime.now(UTC).strftime("%Y-%m"), run=run.run_id)
        shutil.rmtree(planted, ignore_errors=True)
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.symlink_to(elsewhere)
        shutdown_log()
        configure(root=root, job_id="JOB-1")
        assert run.command(["echo", "hello"]).stdout == "hello\n"
    assert list(elsewhere.iterdir()) == []
