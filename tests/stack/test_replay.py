"""Old logs open in Jaeger: `patternspan replay`, through the real collector."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from stack_answers import spans_sent, tags

from logs import SECOND, failed_run, good_run, lines
from patternspan.model.event import PatternEvent

if TYPE_CHECKING:
    from stack_run import Stack


def test_recorded_runs_come_with_their_ids_and_times(stack: Stack, program: Callable[..., Any], tmp_path: Path) -> None:
    """As they were recorded, half an hour ago, by no process that was ever connected."""
    begun = time.time_ns() - 1800 * SECOND
    runs = [_traced(good_run(1, begun), 1), _traced(failed_run(2, begun + SECOND), 2)]
    log = tmp_path / "state" / "events" / "pattern_events.jsonl"
    log.parent.mkdir(parents=True)
    log.write_bytes(lines([event for events in runs for event in events]))
    done = program("-m", "patternspan", "replay", "--to", "otlp", OTEL_SERVICE_NAME="old", **stack.otlp)
    assert done.stderr.startswith("2 runs sent to ")
    spans = spans_sent(stack, {f"{number:032x}" for number in (1, 2)}, 2)
    own = {span["spanID"]: span for span in spans if span["operationName"].startswith("pattern.run ")}
    for number, events in enumerate(runs, 1):
        span = own[f"{number:016x}"]
        assert span["startTime"] == events[0].time_ns // 1000
        assert tags(span)["pattern.run.id"] == events[0].pattern_run_id
        assert len(span["logs"]) == len(events)


def _traced(events: list[PatternEvent], number: int) -> list[PatternEvent]:
    ids = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"}
    return [msgspec.structs.replace(event, **ids) for event in events]
