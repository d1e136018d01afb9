"""What a run writes: whole sequences of events, as values."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from patternspan import PatternEvent, Run, current_run, fold, pattern_span
from patternspan.testing import captured_events
from recorded import problems, short, told

STARTED = ("execution.started", "in_progress")
RESULT_0 = {"exit_code": 0, "result_summary": {}, "artifacts": []}


def started(command: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
    """Return the first event of a run that opens no phase."""
    return ("execution.started", "in_progress", {"executor": "python", "command": command, **more})


def failed_by_code(code: int, message: str | None = None, **more: Any) -> tuple[str, str, dict[str, Any]]:
    """Return the last event of a run that failed by its exit code alone."""
    return (
        "execution.failed",
        "failed",
        {
            "exit_code": code,
            "error_type": "non_zero_exit",
            "error_message": message or f"exit code {code}",
            "result": "failure",
            **more,
        },
    )


def test_a_bare_decorator_writes_a_start_and_an_end() -> None:
    """The function's name stands for the command."""

    @pattern_span
    def scan() -> None: ...

    with captured_events() as events:
        scan()
    name = "test_record_sequences.test_a_bare_decorator_writes_a_start_and_an_end.scan"
    assert told(events) == [started(name), ("execution.completed", "success", RESULT_0)]
    assert {event.pattern_id for event in events} == {name}
    assert problems(events) == []


def test_what_the_decorator_knows_stands_in_the_first_event() -> None:
    """Kind, version and attempt of the run, and its captured inputs."""

    @pattern_span("PAT-SEQ-001", operation_kind="scan", pattern_version="2.1.0", attempt=2, capture=["path"])
    def scan(path: str, depth: int = 3) -> dict[str, int]:
        return {"findings": depth}

    with captured_events() as events:
        scan("src")
    command = events[0].details["command"]
    assert told(events) == [
        started(
            command,
            operation_kind="scan",
            pattern_version="2.1.0",
            attempt=2,
            inputs_preview={"path": "src"},
        ),
        ("execution.completed", "success", {**RESULT_0, "result_summary": {"findings": 3}}),
    ]
    run = fold(events)
    assert (run.operation_kind, run.pattern_version, run.inputs, run.outputs["findings"]) == (
        "scan",
        "2.1.0",
        {"path": "src"},
        3,
    )


def test_all_phases_write_their_events_in_order() -> None:
    """Selection, template, validation and execution, each with what was said of it."""

    @pattern_span("PAT-SEQ-002", operation_kind="lint", pattern_version="1.0.0")
    def lint(path: str) -> dict[str, Any]:
        run = current_run()
        with run.selecting(["PAT-SEQ-002", "PAT-SEQ-003"], context={"language": "python"}) as selection:
            selection.resolve("PAT-SEQ-003", method="fallback", inputs={"path": path})
        with run.expanding(variables={"a": 1, "b": 2}) as expansion:
            expansion.resolved(1)
            expansion.command(["ruff", "check", "a b"])
            expansion.artifact("ruff.toml")
        with run.validating("pre_execution", ["path", "tool"]) as validation:
            assert validation.check("path", True)
            assert validation.check("tool", "found")
            assert validation.ok
        with run.executing(["ruff", "check", path], executor="shell", working_dir="/srv", timeout_seconds=5):
            run.artifact("report.json")
            run.artifact("report.json")
        run.result({"rules": 4}, files=2)
        run.note(tool_version="0.1")
        return {"findings": 1, "artifacts": ["more.json"]}

    with captured_events() as events:
        lint("src")
    assert told(events) == [
        (
            "selection.started",
            "in_progress",
            {
                "operation_kind": "lint",
                "candidate_patterns": ["PAT-SEQ-002", "PAT-SEQ-003"],
                "context": {"language": "python"},
                "pattern_version": "1.0.0",
            },
        ),
        (
            "selection.resolved",
            "in_progress",
            {"pattern_id": "PAT-SEQ-003", "selection_method": "fallback", "inputs_preview": {"path": "src"}},
        ),
        (
            "template.expanded",
            "in_progress",
            {
                "variables_resolved": 3,
                "generated_artifacts": ["ruff.toml"],
                "template_version": "1.0.0",
                "command_preview": "ruff check 'a b'",
            },
        ),
        ("validation.started", "in_progress", {"validation_type": "pre_execution", "checks": ["path", "tool"]}),
        (
            "validation.completed",
            "in_progress",
            {"checks_passed": 2, "checks_failed": 0, "validation_type": "pre_execution", "warnings": []},
        ),
        (
            "execution.started",
            "in_progress",
            {"executor": "shell", "command": "ruff check src", "working_dir": "/srv", "timeout_seconds": 5},
        ),
        (
            "execution.completed",
            "success",
            {
                "exit_code": 0,
                "result_summary": {"rules": 4, "files": 2, "findings": 1, "artifacts": ["more.json"]},
                "artifacts": ["report.json", "more.json"],
                "tool_version": "0.1",
            },
        ),
    ]
    assert [event.pattern_id for event in events] == ["PAT-SEQ-002"] + ["PAT-SEQ-003"] * 6
    assert problems(events) == []
    assert fold(events).artifacts == ["ruff.toml", "report.json", "more.json"]


def test_select_in_one_call_writes_both_events() -> None:
    """`select` without arguments resolves to the run's own pattern."""

    @pattern_span("PAT-SEQ-004", capture=True)
    def scan(path: str) -> None:
        current_run().select()

    with captured_events() as events:
        scan("src")
    assert told(events)[:2] == [
        (
            "selection.started",
            "in_progress",
            {"operation_kind": "unknown", "candidate_patterns": ["PAT-SEQ-004"]},
        ),
        (
            "selection.resolved",
            "in_progress",
            {"pattern_id": "PAT-SEQ-004", "selection_method": "explicit", "inputs_preview": {"path": "src"}},
        ),
    ]
    assert short(events)[2:] == [STARTED, ("execution.completed", "success")]
    assert problems(events) == []


@pytest.mark.parametrize("raises", [False, True])
def test_a_failed_selection_ends_the_run(raises: bool) -> None:
    """Nothing that the executor does or raises afterwards is added."""

    @pattern_span("PAT-SEQ-005", operation_kind="scan")
    def scan() -> str:
        current_run().select(candidates=["PAT-A", "PAT-B"], reason="no pattern for Cobol")
        with current_run().executing():
            pass
        if raises:
            raise RuntimeError("no pattern")
        return "given up"

    with captured_events() as events:
        if raises:
            with pytest.raises(RuntimeError, match="no pattern"):
                scan()
        else:
            assert scan() == "given up"
    assert told(events)[1:] == [
        (
            "selection.failed",
            "failed",
            {
                "reason": "no pattern for Cobol",
                "attempted_patterns": ["PAT-A", "PAT-B"],
                "operation_kind": "scan",
                "error_type": "selection_failed",
                "result": "failure",
            },
        )
    ]
    assert problems(events) == []
    assert fold(events).error == {"type": "selection_failed", "message": "no pattern for Cobol", "exit_code": None}


@pytest.mark.parametrize("raises", [False, True])
def test_a_failed_validation_ends_the_run(raises: bool) -> None:
    """The checks that failed stand in the last event, with why."""

    @pattern_span("PAT-SEQ-006")
    def scan() -> dict[str, int]:
        run = current_run()
        with run.validating(checks=["tool", "path"]) as validation:
            validation.check("tool", False, "semgrep is not installed")
            validation.check("path", None)
            validation.check("disk")
        if not validation.ok:
            if raises:
                raise FileNotFoundError("semgrep")
            return {"ignored": 1}
        with run.executing():
            pass
        return {}

    with captured_events() as events:
        if raises:
            with pytest.raises(FileNotFoundError):
                scan()
        else:
            assert scan() == {"ignored": 1}
    assert told(events) == [
        ("validation.started", "in_progress", {"validation_type": "preconditions", "checks": ["tool", "path"]}),
        (
            "validation.failed",
            "failed",
            {
                "failed_checks": [
                    {"check": "tool", "error": "semgrep is not installed"},
                    {"check": "path", "error": "path did not pass"},
                ],
                "validation_type": "preconditions",
                "checks_passed": 1,
                "checks_failed": 2,
                "error_type": "validation_failed",
                "result": "failure",
            },
        ),
    ]
    assert problems(events) == []


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (
            "selecting",
            [
                ("selection.started", "in_progress"),
                ("selection.failed", "failed"),
            ],
        ),
        ("expanding", [("validation.failed", "failed")]),
        ("validating", [("validation.started", "in_progress"), ("validation.failed", "failed")]),
        ("executing", [STARTED, ("execution.failed", "failed")]),
    ],
)
def test_an_exception_in_a_phase_ends_the_run_there(phase: str, expected: list[Any]) -> None:
    """Each phase has its own way to say that it failed."""

    def fail(run: Run) -> None:
        with getattr(run, phase)():
            raise LookupError("not there")

    with captured_events() as events:
        with pytest.raises(LookupError), pattern_span("PAT-SEQ-007", phases=True) as run:
            fail(run)
        assert short(events) == expected
    assert problems(events) == []
    assert fold(events).status == "failed"
    assert "not there" in (fold(events).error or {})["message"]


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("selecting", [("selection.started", "in_progress"), ("selection.resolved", "skipped")]),
        ("expanding", [("template.expanded", "skipped")]),
        ("validating", [("validation.started", "in_progress"), ("validation.completed", "skipped")]),
        ("executing", [STARTED, ("execution.completed", "skipped")]),
        ("no phase", [("validation.completed", "skipped")]),
    ],
)
def test_a_run_that_is_skipped_ends_at_that_phase(phase: str, expected: list[Any]) -> None:
    """The reason stands in the last event; what follows writes nothing."""
    with captured_events() as events:
        with pattern_span("PAT-SEQ-008", phases=True) as run:
            if phase == "no phase":
                run.skip("nothing has changed")
            else:
                with getattr(run, phase)():
                    run.skip("nothing has changed")
            with run.executing():
                run.result(count=1)
        assert short(events) == expected
        assert events[-1].details["skip_reason"] == "nothing has changed"
    assert problems(events) == []
    assert fold(events).status == "skipped"


def test_a_bare_run_can_be_skipped() -> None:
    """Where the execution has begun, its end says so."""

    @pattern_span("PAT-SEQ-009")
    def scan() -> dict[str, int]:
        current_run().skip("nothing to do")
        return {"count": 1}

    with captured_events() as events:
        assert scan() == {"count": 1}
    assert told(events)[1:] == [
        ("execution.completed", "skipped", {**RESULT_0, "skip_reason": "nothing to do"}),
    ]
    assert problems(events) == []


def test_warnings_belong_to_their_phase() -> None:
    """A warned validation goes on as `warning`; a warned execution ends as `warning`."""
    with captured_events() as events, pattern_span("PAT-SEQ-010") as run:
        with run.validating() as validation:
            run.warn("old version")
            validation.check("tool")
        with run.executing():
            run.warn("slow")
        run.warn("and more")
    assert told(events) == [
        ("validation.started", "in_progress", {"validation_type": "preconditions", "checks": []}),
        (
            "validation.completed",
            "warning",
            {
                "checks_passed": 1,
                "checks_failed": 0,
                "validation_type": "preconditions",
                "warnings": ["old version"],
            },
        ),
        started(events[2].details["command"]),
        ("execution.completed", "warning", {**RESULT_0, "warnings": ["slow", "and more"]}),
    ]
    assert problems(events) == []
    assert fold(events).status == "warning"


@dataclass
class Outcome:
    """What an executor may return."""

    exit_code: int
    note: str = ""


@dataclass(slots=True)
class SlottedOutcome:
    exit_code: int


class NamedOutcome(NamedTuple):
    exit_code: int


class ReturnedByTool:
    def __init__(self) -> None:
        self.returncode = 4


@pytest.mark.parametrize(
    ("returned", "last"),
    [
        (None, ("execution.completed", "success", RESULT_0)),
        ("text", ("execution.completed", "success", RESULT_0)),
        (7, ("execution.completed", "success", RESULT_0)),
        (False, ("execution.completed", "success", RESULT_0)),
        ([1], ("execution.completed", "success", RESULT_0)),
        ({}, ("execution.completed", "success", RESULT_0)),
        ({"a": (1, 2)}, ("execution.completed", "success", {**RESULT_0, "result_summary": {"a": [1, 2]}})),
        ({"exit_code": 3}, failed_by_code(3, result_summary={"exit_code": 3})),
        ({"exit_code": True}, ("execution.completed", "success", {**RESULT_0, "result_summary": {"exit_code": True}})),
        ({"exit_code": "3"}, ("execution.completed", "success", {**RESULT_0, "result_summary": {"exit_code": "3"}})),
        ({"exit_code": 0}, ("execution.completed", "success", {**RESULT_0, "result_summary": {"exit_code": 0}})),
        (Outcome(2), failed_by_code(2)),
        (Outcome(0), ("execution.completed", "success", RESULT_0)),
        (SlottedOutcome(2), failed_by_code(2)),
        (NamedOutcome(2), failed_by_code(2)),
        (ReturnedByTool(), failed_by_code(4)),
        (subprocess.CompletedProcess(["x"], 5), failed_by_code(5)),
        (subprocess.CompletedProcess(["x"], 0), ("execution.completed", "success", RESULT_0)),
        (subprocess.CompletedProcess(["x"], -9), failed_by_code(-9)),
    ],
)  # fmt: skip
def test_what_is_returned_tells_how_the_run_ended(returned: object, last: tuple[str, str, dict[str, Any]]) -> None:
    """A mapping is the summary; an exit code other than 0 is a failure though nothing was raised."""

    @pattern_span("PAT-SEQ-011")
    def plain() -> object:
        return returned

    @pattern_span("PAT-SEQ-011")
    async def later() -> object:
        return returned

    for call in (plain, lambda: asyncio.run(later())):
        with captured_events() as events:
            assert call() is returned
        assert told(events)[1:] == [last]
        assert problems(events) == []


def test_an_exit_code_that_is_said_counts() -> None:
    """`run.result(exit_code=2)` fails the run; a returned exit code is later and wins."""

    @pattern_span("PAT-SEQ-012")
    def scan(returned: object) -> object:
        current_run().result(found=1, exit_code=2)
        return returned

    with captured_events() as events:
        scan(None)
        scan({"exit_code": 0})
    assert told(events)[1] == failed_by_code(2, result_summary={"found": 1})
    assert told(events)[3][:2] == ("execution.completed", "success")


def _selects(run: Run) -> None:
    run.select()


def _validates(run: Run) -> None:
    with run.validating():
        pass


@pytest.mark.parametrize("phases", [None, True, False])
def test_when_the_execution_starts_is_seen_from_the_code_or_told(phases: bool | None) -> None:
    """It waits for `executing` where the code opens that by itself or `phases=True` says so, else it is at once."""
    marks: list[int] = []

    @pattern_span("PAT-SEQ-013", phases=phases)
    def hidden() -> None:
        marks.append(len(events))
        _validates(current_run())
        marks.append(len(events))

    @pattern_span("PAT-SEQ-014", phases=phases)
    def visible() -> None:
        run = current_run()
        marks.append(len(events))
        with run.validating():
            pass
        with run.executing():
            marks.append(len(events))

    events: list[PatternEvent]
    with captured_events() as events:
        hidden()
    assert marks == ([0, 2] if phases else [1, 3])
    marks.clear()
    with captured_events() as events:
        visible()
    assert marks == ([1, 3] if phases is False else [0, 3])
    assert short(events).count(STARTED) == 1


def test_the_execution_starts_after_the_last_phase_that_the_code_opens() -> None:
    """Without `executing`, the body after the last phase is the execution."""
    seen = []

    @pattern_span("PAT-SEQ-015")
    def validated() -> None:
        with current_run().validating():
            seen.append(short(events)[-1])
        seen.append(short(events)[-1])

    @pattern_span("PAT-SEQ-016")
    def selected() -> None:
        current_run().select()
        seen.append(short(events)[-1])

    with captured_events() as events:
        validated()
        selected()
    assert seen == [("validation.started", "in_progress"), STARTED, STARTED]


def test_a_failed_check_in_a_helper_after_the_start_still_gives_a_valid_run() -> None:
    """Where the execution has begun already, what fails in a phase fails the execution."""

    def helper(run: Run) -> bool:
        with run.validating() as validation:
            validation.check("tool", False, "not installed")
        return validation.ok

    def choose(run: Run) -> None:
        run.select(reason="nothing suits")

    with captured_events() as events, pattern_span("PAT-SEQ-017", phases=False) as run:
        assert not helper(run)
    assert short(events)[0] == STARTED
    assert problems(events) == []
    assert "not installed" in (fold(events).error or {})["message"]
    with captured_events() as events, pattern_span("PAT-SEQ-018", phases=False) as run:
        choose(run)
    assert problems(events) == []
    assert "nothing suits" in (fold(events).error or {})["message"]


def test_a_run_that_was_told_of_twice_has_one_start_and_one_end() -> None:
    """Phases may be opened more than once; after the end nothing is written."""
    with captured_events() as events:
        with pattern_span("PAT-SEQ-019") as run:
            for _ in range(2):
                with run.executing():
                    pass
        run.result(count=1)
        run.warn("late")
        run.skip("late")
        with run.executing(), run.validating():
            pass
        run.finish()
        run.fail(ValueError("late"))
    assert short(events) == [STARTED, ("execution.completed", "success")]


def test_every_line_is_written_at_the_moment_it_happens(root: Any, written: Any) -> None:
    """The log has each event before the executor's next statement."""
    sizes = []

    @pattern_span("PAT-SEQ-020")
    def work() -> None:
        run = current_run()
        sizes.append(len(written()))
        run.select()
        sizes.append(len(written()))
        with run.validating():
            sizes.append(len(written()))
        with run.executing():
            sizes.append(len(written()))

    work()
    assert sizes == [0, 2, 3, 5]
    assert len(written()) == 6
    assert problems(written()) == []
    (archived,) = (root / "pattern_runs").glob("*/*.jsonl")
    assert archived.read_text() == fold(written()).to_json() + "\n"
    assert archived.parent.name == written()[0].timestamp[:7]
    assert archived.stem == written()[0].pattern_run_id
    job_log = root / "events" / "jobs" / written()[0].job_id / "pattern_events.jsonl"
    assert job_log.read_bytes() == (root / "events" / "pattern_events.jsonl").read_bytes()


def test_a_run_that_fails_after_it_was_skipped_has_failed() -> None:
    """The exception that left it counts more; `sys.exit(0)` is none."""
    with captured_events() as events:
        with pytest.raises(ValueError, match="x"), pattern_span("PAT-SEQ-021", phases=True) as run:
            with run.executing():
                run.skip("nothing to do")
                raise ValueError("x")
        with pytest.raises(SystemExit), pattern_span("PAT-SEQ-022", phases=True) as run:
            with run.executing():
                run.skip("nothing to do")
                raise SystemExit(0)
    assert short(events) == [
        STARTED,
        ("execution.failed", "failed"),
        STARTED,
        ("execution.completed", "skipped"),
    ]


def test_a_block_of_a_module_does_not_wait_for_phases_of_its_functions(python: Any) -> None:
    """What counts is the code of the block itself."""
    done = python(
        """
        from patternspan import pattern_span, subscribe
        seen = []
        subscribe(lambda event: seen.append(event.event_type))
        def helper(run):
            with run.validating(): pass
        with pattern_span("PAT-SEQ-023"):
            print(seen)
        """
    )
    assert done.stdout == "['pattern.execution.started']\n"
