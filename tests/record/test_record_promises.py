"""Promises that an experienced newcomer found broken: each stays mended."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from patternspan import ConfigError, current_run, pattern_span
from patternspan.model.conform import judge_event
from patternspan.testing import captured_events


def test_an_attribute_called_command_delays_no_start(written: Callable[[], list[Any]]) -> None:
    """Only a run's own `command` and `select` say that a phase will be opened."""

    def main(arguments: argparse.Namespace) -> list[str]:
        with pattern_span("PAT-START-001"):
            first = [event.event_type for event in written()]
            assert arguments.command == ["sleep"]
            assert arguments.select is True
            return first

    assert main(argparse.Namespace(command=["sleep"], select=True)) == ["pattern.execution.started"]


def test_a_run_of_that_name_may_select_and_command_first(root: Path) -> None:
    """`run.select` and `run.command` are waited for: the start names the tool."""
    with captured_events() as events, pattern_span("PAT-START-002") as run:
        run.select()
        run.command([sys.executable, "-c", "pass"])

    assert [event.event_type.removeprefix("pattern.") for event in events] == [
        "selection.started",
        "selection.resolved",
        "execution.started",
        "execution.completed",
    ]
    assert events[2].details["executor"] == "subprocess"


def test_a_phase_that_was_never_opened_takes_no_time_away(root: Path) -> None:
    """Where the code names a phase and does not open it, the work began with the run."""

    @pattern_span("PAT-START-003")
    def work(special: bool) -> None:
        if special:
            with current_run().executing():
                pass
        time.sleep(0.05)

    with captured_events() as events:
        work(special=False)

    assert events[-1].details["duration_seconds"] >= 0.05


def test_a_second_interrupt_still_ends_the_tool(tmp_path: Path) -> None:
    """A tool that ignores SIGINT and SIGTERM is killed, also by somebody in a hurry."""
    marker = tmp_path / "pid"
    tool = f"trap '' INT TERM; echo $$ > {marker}; sleep 60 & wait; sleep 60"
    process = subprocess.Popen(
        [sys.executable, "-m", "patternspan", "exec", "--", "sh", "-c", tool],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (marker.exists() and marker.read_text().strip()):
        assert process.poll() is None
        time.sleep(0.02)
    group = int(marker.read_text())
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    assert process.wait(30) == 130
    with pytest.raises(ProcessLookupError):
        for _ in range(100):  # those whom the kernel has still to reap
            os.killpg(group, 0)
            time.sleep(0.02)


def test_a_stream_left_early_in_a_phase_has_not_failed(
    spans: Callable[[], list[Any]], written: Callable[[], list[Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the phase's span is an error nor a validation failed, and nothing is said on stderr."""

    @pattern_span("PAT-STREAM-001")
    def items() -> Iterator[int]:
        with current_run().validating() as validation:
            validation.check("a")
            yield 1
            yield 2

    @pattern_span("PAT-STREAM-002")
    async def later() -> AsyncIterator[int]:
        with current_run().executing():
            yield 1
            yield 2

    for _ in items():
        break

    async def read() -> None:
        async for _ in later():
            break
        await asyncio.sleep(0)

    asyncio.run(read())

    assert [event.status for event in written() if event.event_type.endswith("completed")][-1] == "success"
    assert {span.status.status_code.name for span in spans()} == {"UNSET"}
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "tell",
    [
        lambda run: run.selecting().__enter__().resolve(42),
        lambda run: run.select(method="bogus"),
        lambda run: run.selecting().__enter__().fail(None),
        lambda run: run.result(exit_code="1"),
        lambda run: run.result(exit_code=True),
        lambda run: run.note(artifacts=None, exit_code="x", duration_seconds="long"),
        lambda run: run.expanding(variables=-5).__enter__().__exit__(None, None, None),
        lambda run: run.executing(executor=None, timeout_seconds="soon").__enter__().__exit__(None, None, None),
        lambda run: run.validating(validation_type=3).__enter__().__exit__(None, None, None),
    ],
    ids=["id", "method", "reason", "exit text", "exit true", "note", "variables", "executor", "type"],
)
def test_whatever_is_told_the_lines_conform(tell: Callable[[Any], Any]) -> None:
    """The recorder writes nothing that its own judge refuses."""
    with captured_events() as events, pattern_span("PAT-WRONG-001") as run:
        tell(run)

    assert events
    assert [str(problem) for event in events for problem in judge_event(event.to_dict())] == []


@pytest.mark.parametrize("wrong", [{"operation_kind": 5}, {"pattern_version": 2}])
def test_wrong_names_are_refused_at_decoration(wrong: dict[str, Any]) -> None:
    """What would stand in every event is a text."""
    with pytest.raises(ConfigError, match="is a text"):
        pattern_span("PAT-WRONG-002", **wrong)


def test_a_command_is_a_list_of_words(root: Path) -> None:
    """A text is refused, with what to do instead."""
    with captured_events(), pattern_span("PAT-WRONG-003") as run, pytest.raises(ValueError, match=r"shlex\.split"):
        run.command("echo hi there")  # type: ignore[arg-type,unused-ignore]


def test_an_exception_without_a_module_ends_its_phase(root: Path) -> None:
    """Any class may leave a phase: the run goes on as it would have."""
    error = type("Odd", (Exception,), {"__module__": None})
    with captured_events() as events, pattern_span("PAT-ODD-001") as run:
        with pytest.raises(error), run.validating():
            raise error
        assert run.phase is None

    assert [event.event_type for event in events][-1] == "pattern.validation.failed"


def test_a_child_forked_inside_a_run_does_not_end_it(python: Callable[..., Any], tmp_path: Path) -> None:
    """The run ends once, in the process that it began in."""
    python(
        """
        import os, sys, warnings
        from patternspan import pattern_span
        warnings.simplefilter("ignore")

        @pattern_span("PAT-FORK-002")
        def work():
            child = os.fork()
            if child == 0:
                sys.exit(0)
            os.waitpid(child, 0)
            return {"who": "parent"}

        work()
        """
    )
    lines = (tmp_path / "state" / "events" / "pattern_events.jsonl").read_text().splitlines()

    assert [line.count("execution.completed") for line in lines] == [0, 1]
    assert '"who":"parent"' in lines[-1]


def test_the_last_line_of_stderr_is_the_last_however_much_came_before(root: Path) -> None:
    """What is kept of the output is its beginning; the message names its end."""
    script = "import sys; sys.stderr.write('x\\n' * 1_500_000 + 'LAST LINE\\n'); sys.exit(2)"
    with captured_events() as events, pattern_span("PAT-TAIL-001") as run:
        run.command([sys.executable, "-c", script])

    assert events[-1].details["error_message"].endswith(": exit code 2: LAST LINE")
