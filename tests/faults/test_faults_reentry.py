"""Recording from a signal handler or a finalizer, at any step of a recording call: no deadlock, nothing lost."""

from __future__ import annotations

from typing import Any

import pytest
from readback import read

from patternspan import read_events

# `work` is interrupted at each step by `other`; a deadlock ends the program after a while, and shows where.
SCRIPT = """
import faulthandler, gc, os, signal, sys
faulthandler.dump_traceback_later(20, exit=True)
import opentelemetry.sdk.trace, patternspan
from patternspan import current_run, emit_pattern_event, pattern_span
from steps import FULL, every_step

def emit(run="PRUN-1", **details):
    emit_pattern_event("pattern.execution.started", "JOB-1", run, "PAT-EMIT-001", "in_progress", details)

def span():
    with pattern_span("PAT-SPAN-001") as run:
        run.select(candidates=["a", "b"])
        with run.validating() as checks:
            checks.check("tool", True)
        run.warn("careful")

def same():
    current_run().select(reason="told by the handler")
    current_run().warn("told by the handler")

class Finalized:
    def __del__(self):
        emit()

def finalize():
    Finalized()

def signalled():
    os.kill(os.getpid(), signal.SIGUSR1)

HANDLERS = {"emit": emit, "span": span, "same": same, "finalize": finalize, "signalled": signalled}
signal.signal(signal.SIGUSR1, lambda number, frame: span())
work, happen = HANDLERS[sys.argv[1]], HANDLERS[sys.argv[2]]
written = []
patternspan.configure(root="state")
patternspan.subscribe(lambda event: written.append(event.event_id))
steps = 0
stride = 1 if FULL else 13 if sys.argv[1] == "emit" else 41
sdk = os.path.dirname(os.path.dirname(opentelemetry.sdk.trace.__file__))
inside = (os.path.dirname(patternspan.__file__), sdk)
for _ in every_step(happen, work, stride, inside):
    steps += 1
    if steps % 50 == 0:
        faulthandler.dump_traceback_later(20, exit=True)
print(steps, *written)
"""


@pytest.mark.parametrize("work", ["emit", "span"])
@pytest.mark.parametrize("happen", ["emit", "span", "same", "finalize", "signalled"])
def test_recording_from_a_handler_at_any_step_neither_hangs_nor_loses(
    child: Any, root_folder: Any, count: Any, work: str, happen: str
) -> None:
    """What the interrupted call and the handler recorded is all read back, once; in the SDK's steps too."""
    steps, *ids = child(SCRIPT, work, happen).stdout.split()
    assert int(steps) > 50
    count(interruptions=int(steps))
    found = read(root_folder)
    assert found.bad == []
    assert sorted(found.ids) == sorted(ids)
    assert len(set(ids)) == len(ids)


SELFISH = """
import faulthandler
faulthandler.dump_traceback_later(2, exit=True)
import writers
from steps import every_step
writer = writers.Selfish("state", "one", {})
for _ in every_step(writer.one, writer.one, 1, writers.__file__):
    pass
"""


def test_a_lock_that_a_handler_waits_for_is_found_out(child: Any) -> None:
    """The same interruptions hang a writer whose own thread holds the lock."""
    assert "in append" in child(SELFISH, code=1).stderr


ENDING = """
import faulthandler, linecache, os, sys
faulthandler.dump_traceback_later(20, exit=True)
import opentelemetry.sdk.trace, patternspan
from patternspan import current_run, pattern_span
import steps
from steps import FULL, every_step

class Stop(BaseException):
    pass

run = None
runs = []

@pattern_span("PAT-END-001")
def executor():
    global run
    run = current_run()
    runs.append(run.run_id)
    return {"rows": 1}

def work():
    global run
    run = None
    try:
        executor()
    except Stop:
        pass

def happen():
    if run is None:
        return
    if sys.argv[1] == "raise":
        # Python handles no signal at a bare `try:`, and what a trace function raises there is not caught by it.
        place = sys._getframe(2)
        if linecache.getline(place.f_code.co_filename, place.f_lineno).strip() != "try:":
            raise Stop
        return
    run.finish() if sys.argv[1] == "finish" else run.fail(TimeoutError("told by the handler"))

patternspan.configure(root="state")
sdk = os.path.dirname(os.path.dirname(opentelemetry.sdk.trace.__file__))
# A trace function can raise where a `with` of the SDK's is about to release its lock; a signal is never handled there.
package = os.path.dirname(patternspan.__file__)
inside = (package,) if sys.argv[1] == "raise" else (package, sdk)
stride = 1 if FULL or sys.argv[1] == "raise" else 3
if sys.argv[1] == "raise":
    steps.FULL = False  # by lines: between most bytecodes no signal is handled
for _ in every_step(happen, work, stride, inside):
    faulthandler.dump_traceback_later(20, exit=True)
print(*runs)
"""


@pytest.mark.parametrize("how", ["finish", "fail", "raise"])
def test_a_handler_that_ends_the_run_at_any_step_leaves_one_end_and_does_not_hang(
    child: Any, root_folder: Any, count: Any, how: str
) -> None:
    """In the SDK's steps too, where the interrupted code holds the span's lock (but for a handler that raises)."""
    runs = child(ENDING, how).stdout.split()
    assert len(runs) > 50
    count(interruptions=len(runs))
    ends = {run: set() for run in runs}
    for event in read_events(root_folder):
        if event.event_type in {"pattern.execution.completed", "pattern.execution.failed"}:
            ends[event.pattern_run_id].add(event.event_id)
    assert {run: len(ids) for run, ids in ends.items()} == dict.fromkeys(runs, 1)
