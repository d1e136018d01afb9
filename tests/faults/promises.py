"""The promises of durability, and the injections that hold them to it: the table of `scripts/faults`."""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    """A promise, what is done to it, and the tests (`file: beginning of a name`) that do so."""

    promise: str
    injection: str
    tests: tuple[str, ...]


PROMISES = (
    Promise(
        "acknowledged events survive kill -9 of any of 8 writers, once, in order",
        "random SIGKILL and SIGSTOP, lines of 50 B to 12 MB, 1-3 threads",
        ("kill: test_eight_writers", "kill: test_what_was_acknowledged_survives_kill_9"),
    ),
    Promise(
        "a writer killed at any instruction takes nobody's line",
        "SIGKILL before each step of a recording call",
        ("kill: test_a_process_killed_at_any_step",),
    ),
    Promise(
        "acknowledged events survive any end of the process",
        "abort, _exit, exception, exit, TERM, INT, HUP, SEGV; threads",
        ("kill: test_what_was_acknowledged_survives_any_end", "kill: test_threads_that_outlive"),
    ),
    Promise(
        "forked children and pool workers lose and double nothing",
        "prefork among threads; fork, spawn, forkserver, one task a child",
        ("kill: test_pool_workers", "kill: test_children_forked"),
    ),
    Promise(
        "a stopped writer holds nobody up",
        "SIGSTOP before each step of a recording call",
        ("stop: test_a_writer_stopped",),
    ),
    Promise(
        "recording in a signal handler or __del__ neither hangs nor loses",
        "interruption at each step, of the package and the SDK",
        ("reentry: test_recording_from_a_handler", "reentry: test_a_handler_that_ends"),
    ),
    Promise(
        "a disk that fails harms no program; what it refused comes later, in order",
        "preloaded shim: ENOSPC EDQUOT EIO EFBIG EROFS EPERM, short, EINTR, slow",
        (
            "disk: test_what_a_disk_refuses",
            "disk: test_short_writes",
            "disk: test_an_interrupted_call",
            "disk: test_a_slow_disk",
            "disk: test_a_sync_that_fails",
            "disk: test_what_does_not_fit",
        ),
    ),
    Promise(
        "the same on a full disk and at the limits of a process",
        "tmpfs of 1 MB, RLIMIT_FSIZE, RLIMIT_NOFILE",
        ("disk: test_a_full_disk", "disk: test_a_limit", "disk: test_a_program_without"),
    ),
    Promise(
        "a torn or foreign tail costs that record alone",
        "an event cut at each byte, NULs, old bytes, random bytes",
        ("tails: test_an_event", "tails: test_foreign", "tails: test_no_tail"),
    ),
    Promise(
        "a folder removed or replaced, a planted link or device: recovery, no write elsewhere",
        "rm, rename, symlink, FIFO, socket, device, chattr +i, file in the way",
        (
            "folder: test_what_is_recorded",
            "folder: test_what_stands",
            "folder: test_a_link",
            "folder: test_links",
            "folder: test_a_folder",
            "folder: test_a_root",
            "folder: test_nobody",
        ),
    ),
    Promise("files 0600, folders 0700", "umask 0, 022, 0777", ("folder: test_files_are",)),
    Promise(
        "power loss: `event` loses nothing, `interval` no more than its window",
        "ext4 shut down without a flush (EXT4_IOC_SHUTDOWN), mounted again",
        ("power: test_with",),
    ),
    Promise(
        "a dead folder and a dead collector: the program goes on, told once",
        "a file in the root's place, a port that refuses",
        ("dead: test_a_program",),
    ),
    Promise(
        "a clock that jumps by years: order kept, no negative duration, --follow and --since",
        "preloaded clock: +3 and -3 years within a run",
        ("clock: test_",),
    ),
    Promise(
        "whatever happens in any order, the model holds",
        "state machine: torn, junk, rotated, replaced, blocked, freed, restarted",
        ("machine: test_whatever",),
    ),
    Promise(
        "each injection finds the fault of a naive writer",
        "file object, logging, MemoryHandler, flock, two writes, early, own lock",
        (
            "kill: test_a_writer_that_acknowledges",
            "kill: test_an_end_that_flushes",
            "stop: test_a_lock",
            "stop: test_a_line",
            "reentry: test_a_lock",
            "disk: test_a_handler",
            "disk: test_a_plain",
            "folder: test_a_writer_that",
            "power: test_without",
            "tails: test_a_writer",
            "machine: test_the_machine",
        ),
    ),
    Promise(
        "a database that is full, read-only or held costs nothing: the log answers",
        "tmpfs of 1 MB, remounted; BEGIN EXCLUSIVE by another process",
        ("store: test_",),
    ),
)


def promise_of(file: str, name: str) -> Promise | None:
    """Return the promise that a test belongs to; `file` is its name without `test_faults_` and `.py`."""
    found = [
        (len(start), promise) for promise in PROMISES for start in promise.tests if f"{file}: {name}".startswith(start)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None
