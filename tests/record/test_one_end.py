"""A run ends once, whoever ends it in the middle of whose ending."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from patternspan import PatternEvent, pattern_span
from patternspan.record import recorder
from patternspan.record import run as run_module

FILES = {run_module.__file__, recorder.__file__}
ENDS = {"pattern.execution.completed", "pattern.execution.failed"}


def ends(events: list[PatternEvent]) -> Counter[str]:
    """Count the ends of each run; a line written again keeps its event id, and counts once as for any reader."""
    return Counter(run for run, _ in {(e.pattern_run_id, e.event_id) for e in events if e.event_type in ENDS})


def interrupted_at(step: int, interrupt: Callable[[], None], work: Callable[[], None]) -> bool:
    """Call `interrupt` at a line of a run's own modules, as a signal handler would be; say whether it came to it."""
    left = step
    done = False

    def trace(frame: Any, event: str, _argument: object) -> Any:
        nonlocal left, done
        if frame.f_code.co_filename not in FILES:
            return trace if event == "call" else None
        if event == "line" and not done:
            left -= 1
            if left == 0:
                done = True
                interrupt()
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return done


@pytest.mark.parametrize("how", ["finish", "fail"])
def test_a_handler_that_ends_the_run_it_interrupts_leaves_one_end(
    written: Callable[[], list[PatternEvent]], spans: Callable[[], list[Any]], how: str
) -> None:
    """At each line of the code that runs when a run ends."""
    step = 1
    while True:
        manager = pattern_span("PAT-END-001")
        run = manager.__enter__()

        def interrupt(run: Any = run) -> None:
            run.finish() if how == "finish" else run.fail(TimeoutError("too long"))

        if not interrupted_at(step, interrupt, lambda manager=manager: manager.__exit__(None, None, None)):
            break
        step += 1
    assert step > 20
    assert set(ends(written()).values()) == {1}
    assert len(ends(written())) == step
    assert Counter(span.attributes["pattern.run.id"] for span in spans()) == ends(written())


def test_an_interrupt_that_leaves_the_ending_still_gives_an_end(
    written: Callable[[], list[PatternEvent]], spans: Callable[[], list[Any]]
) -> None:
    """KeyboardInterrupt in the middle of the last event: what came first stands, and the span has ended."""
    step = 1

    def interrupt() -> None:
        raise KeyboardInterrupt

    while True:

        @pattern_span("PAT-END-002")
        def work() -> None:
            pass

        done = False
        try:
            done = interrupted_at(step, interrupt, work)
        except KeyboardInterrupt:
            done = True
        if not done:
            break
        step += 1
    assert step > 20
    assert set(ends(written()).values()) == {1}
    assert max(Counter(span.attributes["pattern.run.id"] for span in spans()).values()) == 1


def test_threads_that_end_one_run_leave_one_end(written: Callable[[], list[PatternEvent]]) -> None:
    """All at once."""
    for _ in range(50):
        with pattern_span("PAT-END-003") as run:
            barrier = threading.Barrier(4)

            def end(run: Any = run, barrier: threading.Barrier = barrier) -> None:
                barrier.wait()
                run.finish()

            threads = [threading.Thread(target=end) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert set(ends(written()).values()) == {1}
    assert len(ends(written())) == 50
