"""Power loss: an ext4 of its own is shut down without a flush, and mounted again with what was on the disk."""

from __future__ import annotations

import signal

import pytest
from disks import Ext4
from harness import Child, problems
from readback import read
from shim import Shim


def lose_power(disk: Ext4, child: Child) -> None:
    """Cut the power and start again; the child does not live to see how the disk fails then."""
    child.send(signal.SIGSTOP)
    assert child.stopped()
    disk.cut_power()
    child.kill()
    disk.restart()


@pytest.mark.parametrize("size", [50, 300_000])
def test_with_durability_event_nothing_acknowledged_is_lost(ext4: Ext4, size: int) -> None:
    """Not one line, nor the folder that was made for it a moment before."""
    with Child(ext4.root, options={"durability": "event"}) as child:
        child.write(10, size)
        lose_power(ext4, child)
    assert len(child.acked) == 10
    assert problems(ext4.root, child.acked) == []


def test_with_durability_event_threads_share_a_sync_and_lose_nothing(ext4: Ext4) -> None:
    """Group commit: who waits for another's sync is on the disk too."""
    with Child(ext4.root, options={"durability": "event"}) as child:
        child.run(
            "import threading\n"
            "for own in map(writer.another, 'abcd'):\n"
            "    threading.Thread(target=write_on, args=(own,), daemon=True).start()\n"
            "write(100)\n"
        )
        lose_power(ext4, child)
    assert len(child.acked) >= 100
    assert problems(ext4.root, child.acked, torn=1) == []


def test_with_durability_event_a_log_begun_anew_is_kept(ext4: Ext4) -> None:
    """A new file's name is on the disk before its first line is acknowledged."""
    with Child(ext4.root, options={"durability": "event"}) as child:
        child.write(5)
        log = ext4.root / "events" / "pattern_events.jsonl"
        log.rename(log.with_suffix(".jsonl.1"))
        child.run(f"while not os.path.exists({str(log)!r}): write(1)")
        child.write(5)
        lose_power(ext4, child)
    assert problems(ext4.root, child.acked) == []


def test_with_durability_interval_what_was_synced_is_kept(ext4: Ext4, shim: Shim) -> None:
    """What was acknowledged before the last sync began is there; that comes by itself, at most one window later."""
    shim.variables["SHIM_PREFIX"] = str(ext4.root)
    options = {"durability": "interval", "sync_interval_ms": 200}
    with Child(ext4.root, options=options, **shim.variables) as child:
        child.write(20)
        before = shim["syncs"]
        # When a second sync begins the first is done, which began after the lines.
        while shim["syncs"] < before + 2:
            child.write(1)
        lose_power(ext4, child)
    # What was written after that sync may be there in part: the file is as long as it was, with NULs for what is lost.
    assert problems(ext4.root, child.acked[:20], torn=1) == []


@pytest.mark.parametrize("kind", ["ours", "flushed"])
def test_without_a_sync_the_same_power_loss_takes_everything(ext4: Ext4, kind: str) -> None:
    """Durability `os` survives the process, not the machine; nor does a flush: the injection can fail."""
    with Child(ext4.root, kind) as child:
        child.write(20)
        lose_power(ext4, child)
    assert read(ext4.root).events == []
    assert problems(ext4.root, child.acked) == ["lost 20 of 20"]
