"""The judge's words, and what makes the events of a run a valid run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternspan.model.conform import Problem, judge_event, judge_lifecycle, judge_run
from patternspan.model.details import DETAILS, members_of
from patternspan.model.event import PatternEvent
from patternspan.model.run import PatternRun
from patternspan.model.vocabulary import EVENT_TYPES
from patternspan.model.wire import NINE
from strategies import strict_events, values

ULID = "01KAZG8A3V7JHXNXE3EBAM7JVV"
DONE = {
    "event_id": f"EVT-{ULID}",
    "event_type": "pattern.execution.completed",
    "timestamp": "2025-11-26T07:15:30.856856Z",
    "job_id": f"JOB-{ULID}",
    "step_id": None,
    "pattern_run_id": f"PRUN-{ULID}",
    "pattern_id": "PAT-SEMGRP-001",
    "status": "success",
    "details": {"exit_code": 0, "duration_seconds": 18.7, "result_summary": {}, "artifacts": []},
}


def details(**members):
    return {**DONE, "details": {**DONE["details"], **members}}


def said(problems):
    return [str(problem) for problem in problems]


WORDS = [
    (details(exit_code="0"), 'details.exit_code: an integer is wanted, found "0"'),
    (details(exit_code=True), "details.exit_code: an integer is wanted, found true"),
    (details(exit_code=0.5), "details.exit_code: an integer is wanted, found 0.5"),
    (details(exit_code=float("nan")), "details.exit_code: an integer is wanted, found nan"),
    (details(duration_seconds=-1), "details.duration_seconds: a number of 0 or more is wanted, found -1"),
    (
        details(stdout_lines=-(10**400)),
        "details.stdout_lines: an integer of 0 or more is wanted, found {huge}",
    ),
    (details(artifacts=["a", None]), "details.artifacts[1]: a string is wanted, found null"),
    (details(metrics={"findings": "12"}), 'details.metrics.findings: a number is wanted, found "12"'),
    (details(stream_complete=0), "details.stream_complete: true or false is wanted, found 0"),
    ({**DONE, "details": "text"}, 'details: an object is wanted, found "text"'),
    ({**DONE, "status": "done"}, 'status: one of {statuses} is wanted, found "done"'),
    ({**DONE, "timestamp": "now"}, 'timestamp: an RFC 3339 timestamp with a zone is wanted, found "now"'),
    ({**DONE, "job_id": "JOB-TEST-001"}, 'job_id: JOB- and a ULID is wanted, found "JOB-TEST-001"'),
    ({**DONE, "step_id": 3}, "step_id: {step} or null is wanted, found 3"),
    ({**DONE, "pattern_id": ""}, 'pattern_id: a string that is not empty is wanted, found ""'),
    ({**DONE, "event_id": "\ud800" * 70}, 'event_id: EVT- and a ULID is wanted, found "{surrogates}..."'),
    ({**DONE, "span_id": None}, "span_id: 16 lower-case hexadecimal digits is wanted, found null"),
    ({**DONE, 5: None}, "an object with strings as names is wanted, found the name 5"),
    ([], "an object is wanted, found an array"),
    (None, "an object is wanted, found null"),
    (b"{}", "an object is wanted, found a Python bytes"),
]
LONG = {
    "huge": "an integer past 64 bits",
    "statuses": "in_progress, success, failed, warning, skipped",
    "step": "STEP- and a ULID or three digits and more",
    "surrogates": "\\ud800" * 57,
}


@pytest.mark.parametrize(("members", "text"), WORDS)
def test_a_problem_names_place_rule_and_finding(members, text):
    """Each problem reads as a sentence: where, what is wanted, what is there."""
    for name, long in LONG.items():
        text = text.replace("{" + name + "}", long)
    assert said(judge_event(members)) == [text]


def test_problems_are_values():
    """A problem has its parts as members, and one comes for each place in the order of the members."""
    members = {name: DONE[name] for name in NINE if name != "step_id"} | {
        "status": 1,
        "details": {"exit_code": None},
    }
    assert judge_event(members) == [
        Problem("step_id", "STEP- and a ULID or three digits and more or null", "nothing"),
        Problem("status", "one of in_progress, success, failed, warning, skipped", "1"),
        Problem("details.exit_code", "an integer", "null"),
        Problem("details.duration_seconds", "a number of 0 or more", "nothing"),
        Problem("details.result_summary", "an object", "nothing"),
        Problem("details.artifacts", "an array", "nothing"),
    ]


def test_an_integer_may_be_written_with_a_point():
    """5.0 is an integer, as it is in JSON Schema."""
    assert judge_event(details(exit_code=5.0)) == []


def test_lenient_says_nothing_of_what_details_hold():
    """Lenient takes ids of any form and details of any members."""
    foreign = {
        **DONE,
        "event_id": "1",
        "job_id": "J",
        "step_id": "",
        "pattern_run_id": "r",
        "details": {"exit_code": "0"},
    }
    assert judge_event(foreign, strict=False) == []
    assert said(judge_event({**foreign, "details": [], "event_id": ""}, strict=False)) == [
        'event_id: a string that is not empty is wanted, found ""',
        "details: an object is wanted, found an array",
    ]


def test_a_run_is_judged_member_by_member():
    """A run made by hand conforms; a wrong member is named with its place."""
    run = PatternRun.create("PAT-PYTEST-001", f"JOB-{ULID}")
    assert judge_run(run.to_dict()) == []
    run.mark_failed({"exit_code": "1"}, at="2025-11-26T07:15:30Z")
    run.metrics = {"execution_ms": True}
    assert said(judge_run({**run.to_dict(), "job_id": "J"})) == [
        'job_id: JOB- and a ULID is wanted, found "J"',
        "metrics.execution_ms: a number is wanted, found true",
        'error.exit_code: an integer or null is wanted, found "1"',
    ]
    assert said(judge_run(run.to_dict() | {"job_id": "J", "error": 5}, strict=False)) == [
        "metrics.execution_ms: a number is wanted, found true",
        "error: an object or null is wanted, found 5",
    ]


anything = st.recursive(
    values | st.floats() | st.binary(max_size=3) | st.just(object()) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.none() | st.integers() | st.sampled_from(NINE), inner, max_size=9)
    ),
    max_leaves=12,
)


@given(anything, anything)
def test_any_input_gives_problems_and_no_exception(value, inner):
    """Whatever is judged, strict or not, comes back as a list of problems that can be printed."""
    for strict in (True, False):
        for judged in (value, {**DONE, "details": inner}):
            problems = judge_event(judged, strict=strict) + judge_run(judged, strict=strict)
            assert all(str(problem).encode() for problem in problems)


def test_every_type_has_its_details():
    """Each event type has a details type with a docstring, in lifecycle order."""
    assert tuple(DETAILS) == EVENT_TYPES
    assert all(shape.__doc__ and members_of(shape) for shape in DETAILS.values())


def event(number, kind, status="in_progress", second=None, pattern_id="PAT-A-001", made=None):
    return PatternEvent(
        event_id=f"E{number}" if made is None else f"EVT-{made:010d}{number:016d}",
        event_type=f"pattern.{kind}",
        timestamp=f"2025-11-26T07:15:{number if second is None else second:02d}.000000Z",
        job_id="J",
        step_id=None,
        pattern_run_id="R",
        pattern_id=pattern_id,
        status=status,
        details={},
    )


STARTED = event(1, "execution.started")
ENDED = event(2, "execution.completed", "success")
NO_START = "events: exactly one execution.started is wanted, found none"
TOO_EARLY = "events: no execution.started in a run that ended before it is wanted, found 1"
TWICE = "events: exactly one terminal event is wanted, found {} (E2), {} (E3)".format(
    "pattern.execution.completed", "pattern.execution.failed"
)
BACK = "{}.timestamp: a time not before that of {}, {}, is wanted, found {}".format(
    "EVT-00000000020000000000000002",
    "EVT-00000000010000000000000001",
    "2025-11-26T07:15:09.000000Z",
    "2025-11-26T07:15:02.000000Z",
)
NO_TIME = "E1.timestamp: an RFC 3339 timestamp with a zone is wanted, found {}".format('"2025-11-26T07:15:99.000000Z"')
LATE_END = event(3, "execution.failed", "failed")
LIFECYCLES = {
    "minimal": ([STARTED, ENDED], []),
    "in another order": ([ENDED, STARTED], []),
    "told twice": ([STARTED, ENDED, STARTED, ENDED], []),
    "ended with a warning": ([STARTED, event(2, "execution.completed", "warning")], []),
    "failed": ([STARTED, event(2, "execution.failed", "failed")], []),
    "failed at selection": ([event(1, "selection.started"), event(2, "selection.failed", "failed")], []),
    "failed at validation": ([event(2, "validation.failed", "failed")], []),
    "skipped at validation": ([event(2, "validation.completed", "skipped")], []),
    "skipped at execution": ([STARTED, event(2, "execution.completed", "skipped")], []),
    "no event": ([], ["events: terminal event is wanted, found none"]),
    "unfinished": ([STARTED], ["events: terminal event is wanted, found none"]),
    "not started": ([event(1, "validation.started")], ["events: terminal event is wanted, found none"]),
    "ended without a start": ([ENDED], [NO_START]),
    "started twice": (
        [STARTED, event(0, "execution.started"), ENDED],
        ["events: exactly one execution.started is wanted, found 2"],
    ),
    "executed after a failed validation": (
        [event(0, "execution.started"), event(2, "validation.failed", "failed")],
        [TOO_EARLY],
    ),
    "executed although skipped": (
        [event(2, "validation.completed", "skipped"), event(3, "execution.started")],
        [TOO_EARLY],
    ),
    "ended twice": ([STARTED, ENDED, event(3, "execution.failed", "failed")], [TWICE]),
    "back in time": (
        [event(1, "validation.started", second=9, made=1), event(2, "execution.started", made=2), LATE_END],
        [BACK],
    ),
    "in one millisecond": (
        [event(1, "validation.started", second=9, made=1), event(2, "execution.started", made=1), LATE_END],
        [],
    ),
    "no time": ([event(1, "execution.started", second=99), ENDED], [NO_TIME]),
}


@pytest.mark.parametrize("name", LIFECYCLES)
def test_lifecycle(name):
    """A valid run has no problems; of an invalid one each fault is told."""
    events, problems = LIFECYCLES[name]
    assert said(judge_lifecycle(events)) == problems


def test_an_unfinished_run_is_told_by_its_rule():
    """The rule of a run without an end is a name of its own."""
    assert judge_lifecycle([STARTED]) == [Problem("events", "terminal event", "none")]


def test_the_pattern_must_be_known_where_a_registry_is_given():
    """A pattern that the registry lacks is a problem; that which selection resolved counts."""
    resolved = event(0, "selection.resolved", pattern_id="PAT-B-001")
    assert judge_lifecycle([STARTED, ENDED], {"PAT-A-001"}) == []
    assert said(judge_lifecycle([resolved, STARTED, ENDED], {"PAT-A-001"})) == [
        'pattern_id: a pattern of the registry is wanted, found "PAT-B-001"'
    ]


@given(st.lists(strict_events(), max_size=5), st.randoms(use_true_random=False))
def test_lifecycle_does_not_depend_on_the_order_of_lines(events, random):
    """The same events, shuffled and repeated, have the same problems."""
    unique = list({event.event_id: event for event in events}.values())
    shuffled = unique * 2
    random.shuffle(shuffled)
    assert judge_lifecycle(shuffled, {"PAT-A-001"}) == judge_lifecycle(unique, {"PAT-A-001"})
