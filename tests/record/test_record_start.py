"""The first run configures; where the process has no descriptor left for that, a later one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_a_first_run_without_descriptors_does_not_end_recording(python: Callable[..., Any]) -> None:
    """The first two runs find no descriptor and return all the same; once there are some, events are written."""
    done = python(
        """
        import os, resource
        from patternspan import pattern_span

        @pattern_span("PAT-START-001")
        def work(number): return {"number": number}

        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
        results = [work(1)["number"], work(2)["number"]]
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        results.append(work(3)["number"])
        with open("state/events/pattern_events.jsonl", "rb") as log:
            print(results, log.read().count(b'"number":3'))
        """
    )
    assert done.stdout == "[1, 2, 3] 1\n"
