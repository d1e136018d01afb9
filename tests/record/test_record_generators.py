"""Decorated generators: the caller sees the bare generator, the log sees one run."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patternspan import current_run, pattern_span
from patternspan.testing import captured_events
from recorded import problems, short, told


class _Thrown(Exception):
    pass


def _echo(seen: list[Any]) -> Generator[Any, Any, Any]:
    """Yield numbers and what was sent; survive `_Thrown`; return the count."""
    count = 0
    sent: Any = None
    while count < 4:
        try:
            sent = yield (count, sent)
        except _Thrown:
            seen.append("thrown")
            sent = "caught"
        count += 1
    return count


def _catches_exit(seen: list[Any]) -> Generator[Any, Any, Any]:
    """Return a value when it is closed."""
    try:
        yield 1
        yield 2
    except GeneratorExit:
        seen.append("exit")
        return "closed"
    return "ended"


def _ignores_exit(seen: list[Any]) -> Generator[Any, Any, Any]:
    """Yield on when it is closed, once."""
    try:
        yield 1
    except GeneratorExit:
        seen.append("ignored")
        yield "still here"
    return 5


def _yields_in_finally(seen: list[Any]) -> Generator[Any, Any, Any]:
    try:
        yield 1
        yield 2
    finally:
        seen.append("finally")
        yield "last"


def _raises(seen: list[Any]) -> Generator[Any, Any, Any]:
    yield 1
    seen.append("raises")
    raise KeyError("inside")


def _other_error(seen: list[Any]) -> Generator[Any, Any, Any]:
    try:
        yield 1
    except BaseException as error:
        seen.append(type(error).__name__)
        raise LookupError("instead") from error


def _delegates(seen: list[Any]) -> Generator[Any, Any, Any]:
    value = yield from _echo(seen)
    yield ("inner", value)


def _empty(seen: list[Any]) -> Generator[Any, Any, Any]:
    seen.append("ran")
    return {"nothing": True}
    yield


BODIES = [
    _echo, _catches_exit, _ignores_exit, _yields_in_finally, _raises, _other_error, _delegates, _empty,
]  # fmt: skip

ACTIONS = ["next", "send", "send none", "throw", "throw exit", "throw stop", "close"]


def _act(generator: Generator[Any, Any, Any], action: str) -> tuple[str, Any]:
    """Do one thing with a generator and say what came of it."""
    try:
        match action:
            case "next":
                return "yielded", next(generator)
            case "send":
                return "yielded", generator.send("given")
            case "send none":
                return "yielded", generator.send(None)
            case "throw":
                return "yielded", generator.throw(_Thrown("from outside"))
            case "throw exit":
                return "yielded", generator.throw(GeneratorExit())
            case "throw stop":
                return "yielded", generator.throw(StopIteration("odd"))
            case _:
                return "closed", generator.close()
    except StopIteration as stop:
        return "returned", stop.value
    except BaseException as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(ACTIONS), max_size=7))
def test_a_decorated_generator_does_what_the_bare_one_does(body: Any, actions: list[str]) -> None:
    """Any sequence of next, send, throw and close gives the same values, errors, return values and effects."""
    with captured_events() as events:
        bare_seen: list[Any] = []
        seen: list[Any] = []
        bare = body(bare_seen)
        decorated = pattern_span("PAT-GEN-001")(body)(seen)
        assert [_act(decorated, action) for action in actions] == [_act(bare, action) for action in actions]
        # What is left open is ended as the bare one is.
        assert [_act(decorated, "close") for _ in range(2)] == [_act(bare, "close") for _ in range(2)]
        assert seen == bare_seen
        assert not current_run()
    assert problems(events) == [] or not events


async def _aecho(seen: list[Any]) -> AsyncGenerator[Any, Any]:
    count = 0
    sent: Any = None
    while count < 4:
        await asyncio.sleep(0)
        try:
            sent = yield (count, sent)
        except _Thrown:
            seen.append("thrown")
            sent = "caught"
        count += 1


async def _acatches_exit(seen: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
        yield 2
    except GeneratorExit:
        await asyncio.sleep(0)
        seen.append("exit")


async def _aignores_exit(seen: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
    except GeneratorExit:
        seen.append("ignored")
        yield "still here"


async def _afinally(seen: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0)
        seen.append("finally")


async def _araises(seen: list[Any]) -> AsyncGenerator[Any, Any]:
    yield 1
    seen.append("raises")
    raise KeyError("inside")


async def _aother_error(seen: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
    except BaseException as error:
        seen.append(type(error).__name__)
        raise LookupError("instead") from error


async def _aact(generator: AsyncGenerator[Any, Any], action: str) -> tuple[str, Any]:
    try:
        match action:
            case "next":
                return "yielded", await anext(generator)
            case "send":
                return "yielded", await generator.asend("given")
            case "send none":
                return "yielded", await generator.asend(None)
            case "throw":
                return "yielded", await generator.athrow(_Thrown("from outside"))
            case "throw exit":
                return "yielded", await generator.athrow(GeneratorExit())
            case "throw stop":
                return "yielded", await generator.athrow(StopAsyncIteration("odd"))
            case _:
                return "closed", await generator.aclose()
    except StopAsyncIteration:
        return "returned", None
    except BaseException as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize(
    "body", [_aecho, _acatches_exit, _aignores_exit, _afinally, _araises, _aother_error], ids=lambda body: body.__name__
)
@settings(max_examples=40, deadline=None)
@given(actions=st.lists(st.sampled_from(ACTIONS), max_size=7))
def test_a_decorated_async_generator_does_what_the_bare_one_does(body: Any, actions: list[str]) -> None:
    """Any sequence of anext, asend, athrow and aclose gives the same values, errors and effects."""

    async def play(generator: AsyncGenerator[Any, Any]) -> list[Any]:
        found = [await _aact(generator, action) for action in actions]
        found += [await _aact(generator, "close") for _ in range(2)]
        return found

    with captured_events() as events:
        bare_seen: list[Any] = []
        seen: list[Any] = []
        expected = asyncio.run(play(body(bare_seen)))
        assert asyncio.run(play(pattern_span("PAT-GEN-002")(body)(seen))) == expected
        assert seen == bare_seen
    assert problems(events) == [] or not events


def test_the_run_is_open_while_items_flow_and_current_only_inside_a_step() -> None:
    """Between two steps the caller's context is its own; the run's last event comes after the last item."""
    inside = []

    @pattern_span("PAT-GEN-003")
    def numbers() -> Generator[int, None, dict[str, int]]:
        for number in range(3):
            inside.append(current_run().run_id)
            yield number
        return {"count": 3}

    with captured_events() as events:
        stream = numbers()
        assert events == []
        for number in stream:
            assert not current_run()
            assert short(events) == [("execution.started", "in_progress")]
            assert len(inside) == number + 1  # nothing is drawn ahead
        assert not current_run()
    assert set(inside) == {events[0].pattern_run_id}
    assert told(events) == [
        ("execution.started", "in_progress", {"executor": "python", "command": events[0].details["command"]}),
        (
            "execution.completed",
            "success",
            {"exit_code": 0, "result_summary": {"count": 3}, "artifacts": []},
        ),
    ]


def test_an_early_break_closes_the_run_as_an_incomplete_stream(root: Any, spans: Any) -> None:
    """Leaving the loop ends the generator, its run and its span; that is no failure."""

    @pattern_span("PAT-GEN-004")
    def numbers() -> Generator[int, None, None]:
        yield from range(10)

    with captured_events() as events:
        for number in numbers():
            if number == 2:
                break
        gc.collect()
        assert told(events)[-1] == (
            "execution.completed",
            "success",
            {"exit_code": 0, "result_summary": {}, "artifacts": [], "stream_complete": False},
        )
    assert problems(events) == []
    assert [(span.name, span.status.is_ok) for span in spans()] == [("pattern.run PAT-GEN-004", True)]


def test_a_generator_that_nobody_holds_any_more_ends_its_run() -> None:
    """Garbage collection closes the run as `close()` does."""

    @pattern_span("PAT-GEN-005")
    def numbers() -> Generator[int, None, None]:
        yield from range(10)

    with captured_events() as events:
        stream = numbers()
        next(stream)
        del stream
        gc.collect()
        assert short(events) == [("execution.started", "in_progress"), ("execution.completed", "success")]


def test_a_generator_that_was_never_started_has_no_run() -> None:
    """Without a first step nothing has been executed."""

    @pattern_span("PAT-GEN-006")
    def numbers() -> Generator[int, None, None]:
        yield 1

    with captured_events() as events:
        numbers().close()
    assert events == []


def test_an_error_in_the_middle_of_a_stream_fails_its_run() -> None:
    """The items before the error have been delivered; the run says which error it was."""

    @pattern_span("PAT-GEN-007")
    def numbers() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    items = []
    with captured_events() as events, pytest.raises(ValueError, match="broken"):
        items.extend(numbers())
    for_list = told(events)[-1]
    assert for_list == (
        "execution.failed",
        "failed",
        {"exit_code": None, "error_type": "ValueError", "error_message": "broken", "result": "error"},
    )


def test_streams_that_are_read_in_turns_keep_apart() -> None:
    """Two open generators of one decorated function are two runs."""
    seen: dict[str, set[str]] = {"a": set(), "b": set()}

    @pattern_span("PAT-GEN-008")
    def numbers(name: str) -> Generator[int, None, dict[str, str]]:
        for number in range(3):
            seen[name].add(current_run().run_id)
            yield number
        return {"name": name}

    with captured_events() as events:
        assert list(zip(numbers("a"), numbers("b"), strict=True)) == [(0, 0), (1, 1), (2, 2)]
    assert len(seen["a"]) == len(seen["b"]) == 1
    assert seen["a"] != seen["b"]
    ended = {event.pattern_run_id: event.details["result_summary"] for event in events if event.status == "success"}
    assert ended == {min(seen["a"]): {"name": "a"}, min(seen["b"]): {"name": "b"}}


def test_a_span_made_inside_a_step_stays_the_bodys_own_in_the_next(root: Any, spans: Any) -> None:
    """A phase that is open across a yield is current again in the body, and never in the caller."""
    from opentelemetry import trace

    tracer = trace.get_tracer("test")

    @pattern_span("PAT-GEN-009")
    def numbers() -> Generator[int, None, None]:
        with current_run().executing():
            yield 1
            tracer.start_span("late").end()
            yield 2

    for _ in numbers():
        assert not trace.get_current_span().get_span_context().is_valid
    named = {span.name: span for span in spans()}
    assert named["late"].parent.span_id == named["pattern.execution"].context.span_id


def test_an_early_break_of_async_for_closes_the_run() -> None:
    """With `aclosing`, and also where the event loop collects what was left."""

    @pattern_span("PAT-GEN-010")
    async def numbers() -> AsyncGenerator[int, None]:
        for number in range(10):
            await asyncio.sleep(0)
            yield number

    async def leave() -> None:
        async for number in numbers():
            assert not current_run()
            if number == 2:
                break
        gc.collect()
        await asyncio.sleep(0.01)

    with captured_events() as events:
        asyncio.run(leave())
    assert short(events) == [("execution.started", "in_progress"), ("execution.completed", "success")]
    assert events[-1].details["stream_complete"] is False


def test_a_task_that_is_cancelled_in_the_middle_of_a_step_ends_the_run_as_cancelled() -> None:
    """The generator sees the CancelledError, the task too, the run says cancellation."""
    seen = []

    @pattern_span("PAT-GEN-011")
    async def numbers() -> AsyncGenerator[int, None]:
        yield 1
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        yield 2

    async def read() -> None:
        async for _ in numbers():
            pass

    async def main() -> None:
        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with captured_events() as events:
        asyncio.run(main())
    assert seen == ["cancelled"]
    assert told(events)[-1][2] == {
        "exit_code": None,
        "error_type": "CancelledError",
        "error_message": "CancelledError",
        "result": "cancellation",
    }


def test_a_million_items_are_not_kept() -> None:
    """The stream is passed on item by item: memory stays where it was."""
    import tracemalloc

    @pattern_span("PAT-GEN-013")
    def blocks() -> Generator[bytes, None, None]:
        for _ in range(500):
            yield bytes(100_000)

    with captured_events():
        tracemalloc.start()
        total = sum(len(block) for block in blocks())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert total == 50_000_000
    assert peak < 2_000_000
