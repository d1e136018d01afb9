"""Folding is a pure function: the same events give the same run, in any order."""

import json
import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternspan.model.conform import judge_run
from patternspan.model.event import PatternEvent
from patternspan.model.fold import fold, in_order, is_terminal
from patternspan.model.run import PatternRun
from patternspan.schema_files import schema_text
from strategies import any_events, strict_events

RUN_SCHEMA = jsonschema_rs.Draft202012Validator(json.loads(schema_text("pattern_run.v1")))
IN_PROGRESS = "in_progress"


def at(milliseconds):
    return f"2025-11-26T07:15:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}000Z"


def event(number, milliseconds, kind, status, details=None, step_id="STEP-003", timestamp=None):
    return PatternEvent(
        event_id=f"E{number}",
        event_type=f"pattern.{kind}",
        timestamp=timestamp or at(milliseconds),
        job_id="JOB-TEST-001",
        step_id=step_id,
        pattern_run_id="PRUN-1",
        pattern_id="PAT-SEMGRP-001",
        status=status,
        details=details or {},
    )


COMPLETE = [
    event(1, 0, "selection.started", IN_PROGRESS, {"operation_kind": "security_scan", "candidate_patterns": []}),
    event(
        2,
        4,
        "selection.resolved",
        IN_PROGRESS,
        {"pattern_id": "PAT-SEMGRP-001", "selection_method": "auto", "inputs_preview": {"paths": ["src"]}},
    ),
    event(
        3,
        10,
        "template.expanded",
        IN_PROGRESS,
        {"variables_resolved": 3, "generated_artifacts": ["rules.yaml"], "template_version": "1.4.0"},
    ),
    event(4, 11, "validation.started", IN_PROGRESS, {"validation_type": "pre_execution", "checks": ["paths"]}),
    event(5, 32, "validation.completed", IN_PROGRESS, {"checks_passed": 1, "checks_failed": 0}),
    event(6, 33, "execution.started", IN_PROGRESS, {"executor": "subprocess", "command": "semgrep scan src"}),
    event(
        7,
        18733,
        "execution.completed",
        "success",
        {
            "exit_code": 0,
            "duration_seconds": 18.5,
            "result_summary": {"findings": 12},
            "artifacts": ["rules.yaml", "findings.json"],
        },
    ),
]
COMPLETE_RUN = PatternRun(
    pattern_run_id="PRUN-1",
    pattern_id="PAT-SEMGRP-001",
    job_id="JOB-TEST-001",
    step_id="STEP-003",
    pattern_version="1.4.0",
    operation_kind="security_scan",
    status="success",
    started_at=at(0),
    finished_at=at(18733),
    duration_seconds=18.733,
    inputs={"paths": ["src"]},
    outputs={"findings": 12, "exit_code": 0, "duration_seconds": 18.5},
    artifacts=["rules.yaml", "findings.json"],
    events=["E1", "E2", "E3", "E4", "E5", "E6", "E7"],
    metrics={
        "selection_ms": 4.0,
        "template_expansion_ms": 6.0,
        "validation_ms": 21.0,
        "execution_ms": 18700.0,
    },
    tool_metadata={"executor": "subprocess", "command": "semgrep scan src"},
    error=None,
)


def ended(*events):
    """Return how a run ended: status, end, and error."""
    run = fold(events)
    return run.status, run.finished_at, run.error


def test_a_whole_run():
    """The events of a run with every phase fold into the whole run."""
    assert fold(COMPLETE) == COMPLETE_RUN


@given(st.permutations(COMPLETE * 2))
def test_order_and_repetition_do_not_matter(events):
    """Lines that arrive late, or twice, give the same run."""
    assert fold(events) == COMPLETE_RUN


@given(st.lists(any_events() | strict_events(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_events_fold_to_one_run_in_any_order(events, random):
    """Events of any content fold without an error, and to the same run in any order."""
    unique = list({event.event_id: event for event in events}.values())
    shuffled = unique * 2
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(unique)
    times = [event.time_ns for event in in_order(unique)]
    assert times == sorted(times)


@given(st.lists(strict_events(), min_size=1, max_size=6))
def test_what_is_folded_from_strict_events_conforms(events):
    """The run that strict events fold into is a run, strictly, for judge and schema."""
    members = json.loads(fold(events).to_json())
    assert judge_run(members) == []
    assert RUN_SCHEMA.is_valid(members)


def test_no_event_is_no_run():
    """There is no run where there is no event."""
    with pytest.raises(ValueError, match="a run has at least one event"):
        fold([])


def test_a_run_goes_on_until_its_end():
    """Without a terminal event a run is in progress and has no end."""
    run = fold(COMPLETE[:6])
    assert (run.status, run.finished_at, run.duration_seconds, run.outputs) == (IN_PROGRESS, None, None, {})
    assert [is_terminal(event) for event in COMPLETE] == [False] * 6 + [True]


def test_a_failed_selection_ends_the_run_as_failed():
    """The reason, or the error behind it, is the run's error."""
    reason = event(2, 6, "selection.failed", "failed", {"reason": "none fits", "attempted_patterns": []})
    assert ended(COMPLETE[0], reason) == (
        "failed",
        at(6),
        {"type": "selection_failed", "message": "none fits", "exit_code": None},
    )


def test_a_failed_validation_ends_the_run_as_failed():
    """The failed checks are the run's error."""
    checks = [{"check": "paths", "error": "no src"}, {"check": "tool", "error": "no semgrep"}]
    failed = event(5, 40, "validation.failed", "failed", {"failed_checks": checks})
    assert ended(*COMPLETE[:4], failed) == (
        "failed",
        at(40),
        {"type": "validation_failed", "message": "paths: no src; tool: no semgrep", "exit_code": None},
    )


@pytest.mark.parametrize("exit_code", [2, None])
def test_a_failed_execution_ends_the_run_as_failed(exit_code):
    """Type, message and exit code of the failure are the run's error."""
    details = {"exit_code": exit_code, "error_type": "ToolFailed", "error_message": "no rules"}
    assert ended(COMPLETE[5], event(7, 50, "execution.failed", "failed", details)) == (
        "failed",
        at(50),
        {"type": "ToolFailed", "message": "no rules", "exit_code": exit_code},
    )


def test_a_skipped_run_ends_where_that_was_decided():
    """An event of status skipped ends a run, and is no error."""
    skip = event(5, 32, "validation.completed", "skipped", {"skip_reason": "nothing changed"})
    assert ended(*COMPLETE[:4], skip) == ("skipped", at(32), None)


def test_a_run_may_end_with_a_warning():
    """A warning of the execution is that of the run; one of the validation is not."""
    warned = event(5, 32, "validation.completed", "warning", {"warnings": ["old rules"]})
    assert ended(*COMPLETE[:4], warned) == (IN_PROGRESS, None, None)
    assert ended(warned, event(7, 50, "execution.completed", "warning")) == ("warning", at(50), None)


def test_the_first_end_counts():
    """A second terminal event does not change how the run ended."""
    late = event(8, 20000, "execution.failed", "failed", {"error_type": "ProcessDied", "synthetic": True})
    run = fold([*COMPLETE, late])
    assert (run.status, run.finished_at, run.error, run.events[-1]) == ("success", at(18733), None, "E8")


def test_an_end_from_another_process_counts_only_without_one_of_the_runs_own():
    """A synthetic end stands while it is alone; the real one takes its place, whichever is dated first."""
    details = {"exit_code": None, "error_type": "abandoned", "error_message": "gone", "synthetic": True}
    synthetic = event(8, 9000, "execution.failed", "failed", details)
    alone = fold([*COMPLETE[:6], synthetic])
    assert (alone.status, alone.finished_at) == ("failed", at(9000))
    assert "execution_ms" not in alone.metrics
    whole = fold(COMPLETE)
    both = fold([*COMPLETE, synthetic])
    both.events.remove("E8")
    assert both == whole


def test_given_metrics_stand_for_those_of_the_timestamps():
    """A figure that an event gives is taken as it is, and the one of the timestamps is not added to it."""
    given_metrics = {
        "execution_ms": 18499.5,
        "findings": 12,
        "huge": 10**400,
        "text": "12",
        "flag": True,
        "nan": float("nan"),
    }
    done = event(7, 18733, "execution.completed", "success", {"metrics": given_metrics})
    early = event(1, 0, "selection.started", IN_PROGRESS, {"metrics": {"selection_ms": 10**400}})
    assert fold([early, *COMPLETE[1:6], done]).metrics == {
        "selection_ms": 10**400,
        "template_expansion_ms": 6.0,
        "validation_ms": 21.0,
        "execution_ms": 18499.5,
        "findings": 12,
        "huge": 10**400,
    }


WAYS = [
    "2025-11-26T07:15:30.000000Z",
    "2025-11-26t07:15:30.000000Z",
    "2025-11-26 07:15:30.000000Z",
    "2025-11-26T07:15:30z",
    "2025-11-26T08:15:30.0+01:00",
    "2025-11-25T23:15:30.0-08:00",
]


@pytest.mark.parametrize("start", WAYS)
@pytest.mark.parametrize("end", WAYS)
def test_timestamps_count_as_times_however_they_are_written(start, end):
    """Order and duration are those of the instants, also for forms as long as the canonical one."""
    end = re.sub(":15:30", ":15:31", end)
    started = event(1, 0, "execution.started", IN_PROGRESS, timestamp=start)
    done = event(2, 0, "execution.completed", "success", timestamp=end)
    run = fold([done, started])
    assert (run.events, run.started_at, run.duration_seconds, run.metrics) == (
        ["E1", "E2"],
        start,
        1.0,
        {"execution_ms": 1000.0},
    )


def test_the_step_and_the_pattern_may_be_named_later():
    """A step that only a later event names is the run's; so is the pattern that was selected."""
    late = event(2, 5, "execution.started", IN_PROGRESS)
    assert fold([event(1, 0, "validation.started", IN_PROGRESS, step_id=None), late]).step_id == "STEP-003"


def test_events_are_not_changed_by_folding():
    """Folding leaves its events and their details alone, and two runs share nothing."""
    before = [event.to_json() for event in COMPLETE]
    fold(COMPLETE).inputs["paths"] = "changed"
    fold(COMPLETE).artifacts.append("x")
    assert [event.to_json() for event in COMPLETE] == before
    assert fold(COMPLETE) == COMPLETE_RUN
