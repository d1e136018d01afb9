"""The process that the first event of a run names."""

import os
import socket

import pytest

from patternspan import current_run, emit_pattern_event, pattern_span, procfs
from patternspan.model.process import Process, process_in, process_of


def of_this_process():
    """Return what tells this process from any other."""
    start = f"{procfs.boot()}-{procfs.start_ticks()}"
    return Process(socket.gethostname(), os.getpid(), start, procfs.namespace())


def test_the_first_event_of_a_run_names_its_process(written):
    """Host, process and its start stand in the first event of each run and in no other."""

    @pattern_span("PAT-X-001")
    def work():
        run = current_run()
        run.select()
        with run.executing():
            pass

    work()
    work()
    named = [process_in(event.details) for event in written()]
    assert named == [of_this_process(), None, None, None] * 2


def test_a_forked_child_names_itself(root, written):
    """After a fork the child's runs name the child."""

    @pattern_span("PAT-X-001")
    def work():
        pass

    work()
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    os.waitpid(child, 0)
    pids = [process_in(event.details).pid for event in written() if "process" in event.details]
    assert pids == [os.getpid(), child]


def test_what_a_subscriber_does_to_an_event_stays_there(written):
    """The process of the next run is not what a listener made of the last one's."""
    from patternspan import subscribe

    def spoil(event):
        event.details.get("process", {}).clear()

    stop = subscribe(spoil)
    for _ in range(2):
        with pattern_span("PAT-X-001"):
            pass
    stop()
    assert [process_in(event.details) for event in written()[::2]] == [of_this_process()] * 2


def test_an_event_told_from_outside_names_no_process(written):
    """Whoever tells events one by one may stand for another process."""
    emit_pattern_event("pattern.execution.started", "JOB-1", "PRUN-1", "PAT-X-001", "in_progress", {"command": "x"})
    assert written()[0].details == {"command": "x"}


@pytest.mark.parametrize(
    "member",
    [None, "x", [], {}, {"host": "a"}, {"host": "", "pid": 1}, {"host": "a", "pid": True}, {"host": "a", "pid": 0},
     {"host": "a", "pid": 1 << 40}, {"host": "a", "pid": 1, "start": 7}],
)  # fmt: skip
def test_what_is_no_process_is_none(member):
    """A log may hold anything under the name; what cannot be a process is passed over."""
    assert process_in({"process": member}) is None
    assert process_of([]) is None
