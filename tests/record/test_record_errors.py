"""Exceptions of every kind: the caller gets the same object, the run says how it ended, the span holds it once."""

from __future__ import annotations

import asyncio
import subprocess
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from patternspan import current_run, pattern_span
from patternspan.testing import captured_events
from recorded import problems, told


class ToolError(Exception):
    """An exception of the caller's, with an exit code."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class CancelledError(BaseException):
    """As trio and others have one of their own."""


HERE = "test_record_errors"
ERRORS: list[tuple[BaseException, int | None, str, str, str]] = [
    (ValueError("wrong"), None, "ValueError", "wrong", "error"),
    (KeyError("name"), None, "KeyError", "'name'", "error"),
    (ValueError(), None, "ValueError", "ValueError", "error"),
    (ToolError("tool", 7), 7, f"{HERE}.ToolError", "tool", "error"),
    (Unprintable(), None, f"{HERE}.Unprintable", "<Unprintable: its text raised RuntimeError>", "error"),
    (subprocess.CalledProcessError(3, ["x"]), 3, "subprocess.CalledProcessError",
     "Command '['x']' returned non-zero exit status 3.", "error"),
    (KeyboardInterrupt(), None, "KeyboardInterrupt", "KeyboardInterrupt", "cancellation"),
    (SystemExit(3), 3, "SystemExit", "exit code 3", "failure"),
    (SystemExit("text"), 1, "SystemExit", "text", "failure"),
    (SystemExit(True), 1, "SystemExit", "exit code 1", "failure"),
    (asyncio.CancelledError(), None, "CancelledError", "CancelledError", "cancellation"),
    (asyncio.CancelledError("why"), None, "CancelledError", "why", "cancellation"),
    (CancelledError("own"), None, f"{HERE}.CancelledError", "own", "cancellation"),
    (GeneratorExit(), None, "GeneratorExit", "GeneratorExit", "cancellation"),
    (TimeoutError("late"), None, "TimeoutError", "late", "timeout"),
    (subprocess.TimeoutExpired(["x"], 2), None, "subprocess.TimeoutExpired",
     "Command '['x']' timed out after 2 seconds", "timeout"),
    (BaseExceptionGroup("many", [ValueError("a"), KeyboardInterrupt()]), None, "BaseExceptionGroup",
     "many (2 sub-exceptions)", "error"),
]  # fmt: skip
IDS = [repr(error[0])[:50] if not isinstance(error[0], Unprintable) else "Unprintable" for error in ERRORS]


def _ways(error: BaseException) -> dict[str, Callable[[], Any]]:
    @pattern_span("PAT-ERR-001")
    def function() -> None:
        raise error

    @pattern_span("PAT-ERR-001")
    async def coroutine() -> None:
        raise error

    @pattern_span("PAT-ERR-001")
    def generator() -> Any:
        yield 1
        raise error

    @pattern_span("PAT-ERR-001")
    async def async_generator() -> Any:
        yield 1
        raise error

    def block() -> None:
        with pattern_span("PAT-ERR-001"):
            raise error

    def driven(coroutine: Any) -> None:
        # Without an event loop, which would take some of these for itself.
        coroutine.send(None)

    async def drain() -> None:
        async for _ in async_generator():
            pass

    return {
        "function": function,
        "coroutine": lambda: driven(coroutine()),
        "generator": lambda: list(generator()),
        "async generator": lambda: driven(drain()),
        "block": block,
    }


@pytest.mark.parametrize("way", ["function", "coroutine", "generator", "async generator", "block"])
@pytest.mark.parametrize(("error", "code", "kind", "message", "result"), ERRORS, ids=IDS)
def test_an_exception_is_told_and_raised_on(
    root: Any, spans: Any, error: BaseException, code: int | None, kind: str, message: str, result: str, way: str
) -> None:
    """The same object reaches the caller; event and span say type, message, exit code and result."""
    error.__traceback__ = None
    with captured_events() as events, pytest.raises(type(error)) as caught:
        _ways(error)[way]()
    assert caught.value is error
    assert traceback.extract_tb(error.__traceback__)[-1].line == "raise error"
    last = {"exit_code": code, "error_type": kind, "error_message": message, "result": result}
    assert told(events)[-1] == ("execution.failed", "failed", last)
    assert problems(events) == []
    (span,) = spans()
    assert span.status.description == message
    assert {name: span.attributes[name] for name in ("error.type", "pattern.run.result", "pattern.run.status")} == {
        "error.type": kind,
        "pattern.run.result": result,
        "pattern.run.status": "failed",
    }
    (recorded,) = [event for event in span.events if event.name == "exception"]
    assert recorded.attributes["exception.type"] == kind
    assert recorded.attributes["exception.message"] == message
    assert "raise error" in recorded.attributes["exception.stacktrace"]


@pytest.mark.parametrize("code", [0, None, False])
def test_an_exit_with_code_0_is_a_success(root: Any, spans: Any, code: Any) -> None:
    """`sys.exit()` is how a script ends that went well."""
    with captured_events() as events, pytest.raises(SystemExit) as caught, pattern_span("PAT-ERR-002") as run:
        run.result(count=1)
        raise SystemExit(code)
    assert caught.value.code is code
    assert told(events)[-1] == (
        "execution.completed",
        "success",
        {"exit_code": 0, "result_summary": {"count": 1}, "artifacts": []},
    )
    (span,) = spans()
    assert span.status.is_unset
    assert [event.name for event in span.events if event.name == "exception"] == []


def test_an_exception_is_recorded_once_on_the_innermost_pattern_span(root: Any, spans: Any) -> None:
    """The runs around it fail too, without a second copy of the stack trace."""

    @pattern_span("PAT-ERR-003")
    def inner() -> None:
        raise ValueError("deep")

    @pattern_span("PAT-ERR-004")
    def middle() -> None:
        with current_run().executing():
            inner()

    with pytest.raises(ValueError, match="deep"), pattern_span("PAT-ERR-005"):
        middle()
    counted = {
        span.name: (span.status.is_ok, [event.name for event in span.events].count("exception")) for span in spans()
    }
    assert counted == {
        "pattern.run PAT-ERR-003": (False, 1),
        "pattern.execution": (False, 0),
        "pattern.run PAT-ERR-004": (False, 0),
        "pattern.run PAT-ERR-005": (False, 0),
    }


def test_an_exception_that_passes_a_run_that_has_ended_is_recorded_once(root: Any, spans: Any) -> None:
    """Also where the run around it had failed at its validation."""

    @pattern_span("PAT-ERR-006")
    def inner() -> None:
        raise ValueError("deep")

    with pytest.raises(ValueError, match="deep"), pattern_span("PAT-ERR-007") as run:
        with run.validating() as validation:
            validation.check("tool", False)
        inner()
    counted = [[event.name for event in span.events].count("exception") for span in spans()]
    assert sum(counted) == 1


def test_an_exception_that_was_caught_fails_only_the_inner_run(root: Any, spans: Any) -> None:
    """A new one raised instead is recorded on the run that raised it."""

    @pattern_span("PAT-ERR-008")
    def inner() -> None:
        raise ValueError("deep")

    with pytest.raises(KeyError), pattern_span("PAT-ERR-009"):
        try:
            inner()
        except ValueError as error:
            raise KeyError("other") from error
    counted = [[event.name for event in span.events].count("exception") for span in spans()]
    assert counted == [1, 1]


@pytest.mark.parametrize("phase", ["selecting", "expanding", "validating", "executing"])
@pytest.mark.parametrize(
    ("error", "result"),
    [
        (KeyboardInterrupt(), "cancellation"),
        (asyncio.CancelledError(), "cancellation"),
        (TimeoutError("late"), "timeout"),
        (ValueError("x"), "error"),
        (SystemExit(2), "failure"),
    ],
)
def test_a_run_that_is_left_in_a_phase_says_how(
    root: Any, spans: Any, phase: str, error: BaseException, result: str
) -> None:
    """Whatever the phase, error type and result are those of the exception."""
    with captured_events(), pytest.raises(type(error)), pattern_span("PAT-ERR-010", phases=True) as run:
        with getattr(run, phase)():
            raise error
    inner, outer = spans()
    assert outer.attributes["pattern.run.result"] == result
    assert outer.attributes["error.type"] == inner.attributes["error.type"] == type(error).__name__
    assert (outer.status.is_ok, inner.status.is_ok) == (False, False)


def test_an_asyncio_timeout_is_a_cancellation_inside_and_a_timeout_outside() -> None:
    """`asyncio.timeout` cancels what is inside it and raises TimeoutError around it."""

    @pattern_span("PAT-ERR-011")
    async def inner() -> None:
        await asyncio.sleep(30)

    @pattern_span("PAT-ERR-012")
    async def outer() -> None:
        async with asyncio.timeout(0.01):
            await inner()

    with captured_events() as events, pytest.raises(TimeoutError):
        asyncio.run(outer())
    ends = {event.pattern_id: event.details["result"] for event in events if event.status == "failed"}
    assert ends == {"PAT-ERR-011": "cancellation", "PAT-ERR-012": "timeout"}


def test_a_finished_run_holds_on_to_nothing_of_the_callers() -> None:
    """Without a garbage collection, what an executor has made is free when it has failed."""
    import gc
    import weakref

    class Large:
        pass

    found = []

    @pattern_span("PAT-ERR-013")
    def work() -> None:
        large = Large()
        found.append(weakref.ref(large))
        raise ValueError("x")

    gc.collect()
    gc.disable()
    try:
        with captured_events():
            try:
                work()
            except ValueError:
                pass
        assert found[0]() is None
    finally:
        gc.enable()
